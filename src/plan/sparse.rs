//! A graph that stays connected whichever few hosts or links fail, with few links and short ways.

use super::graph::{Graph, after_failures, circulant, connectivity, moore_diameter, pinched, reflections};

/// Up to this many hosts a graph is chosen among many by looking at its failures one by one; beyond, among circulants, whose bound holds for any size.
const LOOKED_AT_HOSTS_MAX: usize = 128;

/// Up to this many hosts the longest way is held to 1.5 times the Moore bound; to find such a graph takes longer and longer.
const SHORT_HOSTS_MAX: usize = 64;

/// Up to this many links from the root RSTP takes its shortest timers (802.1D-2004 17.14: max age is at least 6).
const QUICK_DEPTH: u32 = 6;

/// Graphs of one kind that are tried, where there are more.
const TRIES: usize = 400;
/// The same if all of them are to be tried.
const ALL_TRIES: usize = 2000;

/// Exchanges of links that are tried where no regular graph has short ways; up to 64 hosts 138 were enough wherever there was need.
const REWIRINGS: usize = 1000;

/// Steps of a look at failures, each of some nanoseconds.
pub const EFFORT: usize = 10_000_000;

/// Steps of the searches for one circulant among many.
const SEARCH_EFFORT: usize = 4_000_000;

/// A graph, and what is known of it by its making.
#[derive(Debug, Clone)]
pub struct Sparse {
    pub graph: Graph,
    /// It looks the same from each host.
    pub symmetric: bool,
    /// How many different steps it has, if it is a circulant without one of half its hosts.
    pub steps: Option<usize>,
}

impl Sparse {
    fn symmetric(graph: Graph) -> Self {
        Self {
            graph,
            symmetric: true,
            steps: None,
        }
    }

    /// Links between the two hosts farthest apart, and the sum of all distances, or of those from host 0 where each sees the same.
    fn spread(&self) -> Option<(u32, u64)> {
        if self.symmetric {
            let distances = self.graph.distances(0, &[]);
            let farthest = distances.iter().copied().max().filter(|most| *most != u32::MAX)?;
            return Some((farthest, distances.iter().map(|distance| u64::from(*distance)).sum()));
        }
        (0..self.graph.hosts()).try_fold((0, 0), |(farthest, sum), from| {
            let distances = self.graph.distances(from, &[]);
            let most = distances.iter().copied().max().filter(|most| *most != u32::MAX)?;
            Some((farthest.max(most), sum + distances.into_iter().map(u64::from).sum::<u64>()))
        })
    }
}

/// A graph of `hosts` that any `survive` hosts or links may leave, and the rest stays connected, with at most `depth` links between any two hosts that
/// are left, if there is such a graph of ours.
///
/// Few links: up to 128 hosts at most 1.5 times the least, (survive + 1) * hosts / 2, as long as that keeps the depth; and as few as
/// keep it to 6.
pub fn sparse(hosts: usize, survive: usize, depth: u32) -> Sparse {
    if hosts <= survive + 2 {
        return Sparse::symmetric(complete(hosts));
    }
    if hosts > LOOKED_AT_HOSTS_MAX {
        return large(hosts, survive, depth);
    }
    let cap = (3 * (survive + 1) / 2).max(3);
    let mut fits = None;
    for degree in (survive + 1).max(3)..hosts - 1 {
        if degree > cap && fits.is_some() {
            break;
        }
        let Some(found) = best(hosts, degree, survive) else { continue };
        let after = after_failures(&found.graph, survive, &(0..hosts).collect::<Vec<_>>(), found.symmetric, EFFORT);
        let worst = after.map_or(u32::MAX, |after| after.diameter.unwrap_or(u32::MAX));
        let short = is_short(&found);
        if worst > depth || !short && fits.is_some() {
            continue;
        }
        fits = Some(found);
        if short && worst <= QUICK_DEPTH {
            break;
        }
    }
    fits.unwrap_or_else(|| Sparse::symmetric(complete(hosts)))
}

fn complete(hosts: usize) -> Graph {
    Graph::new(hosts, (0..hosts).flat_map(|a| (a + 1..hosts).map(move |b| [a, b])))
}

/// Whether the longest way is at most 1.5 times the Moore bound of as many links per host as the one with the most has.
fn is_short(found: &Sparse) -> bool {
    let bound = moore_diameter(found.graph.hosts(), found.graph.degrees().1);
    found
        .spread()
        .is_some_and(|(diameter, _)| 2 * u64::from(diameter) <= 3 * u64::from(bound))
}

/// The graph with `degree` links per host, one host perhaps less one, that has the shortest ways of those that are tried and that survives.
fn best(hosts: usize, degree: usize, survive: usize) -> Option<Sparse> {
    let survives = |found: &Sparse| connectivity(&found.graph, found.symmetric, usize::MAX).least() as usize > survive;
    let round = degree.is_multiple_of(2).then(|| best_circulant(hosts, degree / 2, TRIES)).flatten();
    let short = |found: &Sparse| is_short(found) && survives(found);
    let chordal = hosts.is_multiple_of(2).then(|| best_reflections(hosts, degree)).flatten();
    let plain = [round, chordal].into_iter().flatten().filter(survives).min_by_key(Sparse::spread);
    if plain.as_ref().is_some_and(|found| hosts > SHORT_HOSTS_MAX || short(found)) {
        return plain;
    }
    let with_new = match (hosts % 2, degree % 2) {
        (0, 0) => None,
        (0, _) => best_joined(&best_reflections(hosts - 2, degree)?),
        _ => best_pinched(&best_reflections(hosts - 1, degree)?, degree / 2),
    };
    if let Some(found) = with_new.filter(|found| plain.is_none() && survives(found) || short(found)) {
        return Some(found);
    }
    plain.as_ref().and_then(|start| rewired(start, short)).or(plain)
}

/// `start` after so many exchanges of two links' ends, each of which makes ways no longer, until it is `good`. Every host keeps its number of links.
fn rewired(start: &Sparse, good: impl Fn(&Sparse) -> bool) -> Option<Sparse> {
    let hosts = start.graph.hosts();
    let mut random = Random(hosts as u64);
    let mut links = start.graph.links().to_vec();
    // Of one that looks the same from each host the sum is that of one host.
    let mut least = Sparse {
        symmetric: false,
        ..start.clone()
    }
    .spread()?;
    for _ in 0..REWIRINGS {
        let (one, other) = (random.below(links.len()), random.below(links.len()));
        let ([a, b], [c, d]) = (links[one], links[other]);
        let mut changed = links.clone();
        (changed[one], changed[other]) = if random.below(2) == 0 { ([a, c], [b, d]) } else { ([a, d], [b, c]) };
        let found = Sparse {
            graph: Graph::new(hosts, changed.iter().copied()),
            symmetric: false,
            steps: None,
        };
        // A pair may not be linked twice, nor a host with itself.
        if found.graph.links().len() < links.len() {
            continue;
        }
        let Some(spread) = found.spread().filter(|spread| *spread <= least) else {
            continue;
        };
        if good(&found) {
            return Some(found);
        }
        (links, least) = (changed, spread);
    }
    None
}

/// Any sequence does that spreads over all, and is the same in each run: Knuth's MMIX generator (The Art of Computer Programming 2, 3.3.4), its
/// upper bits.
struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % end as u64) as usize
    }
}

fn best_reflections(hosts: usize, degree: usize) -> Option<Sparse> {
    if hosts == degree + 1 {
        return Some(Sparse::symmetric(complete(hosts)));
    }
    let odd: Vec<usize> = (3..hosts.saturating_sub(2)).step_by(2).collect();
    let candidates = choices(&odd, degree.checked_sub(2)?).into_iter().map(|chosen| {
        let offsets: Vec<usize> = [1, hosts - 1].into_iter().chain(chosen).collect();
        Sparse::symmetric(reflections(hosts, &offsets))
    });
    shortest(candidates, moore_diameter(hosts, degree))
}

fn best_circulant(hosts: usize, steps: usize, tries: usize) -> Option<Sparse> {
    let others: Vec<usize> = (2..hosts.div_ceil(2)).collect();
    let chosen = choices(&others, steps.checked_sub(1)?);
    let candidates = chosen.into_iter().take(tries).map(|chosen| {
        let all: Vec<usize> = std::iter::once(1).chain(chosen).collect();
        Sparse {
            graph: circulant(hosts, &all),
            symmetric: true,
            steps: Some(steps),
        }
    });
    shortest(candidates, moore_diameter(hosts, 2 * steps))
}

/// One host put into `count` links of `base`. As `base` looks the same from each host, the first link is one of host 0, and the second the
/// best with it; more are added where ways stay shortest.
fn best_pinched(base: &Sparse, count: usize) -> Option<Sparse> {
    let with = |links: &[[usize; 2]]| Sparse {
        graph: pinched(&base.graph, links),
        symmetric: false,
        steps: None,
    };
    let firsts = base.graph.links().iter().filter(|link| link.contains(&0));
    let starts = firsts.map(|first| {
        let mut chosen = vec![*first];
        while chosen.len() < count {
            let longer = apart(&base.graph, &chosen).map(|link| chosen.iter().copied().chain([link]).collect::<Vec<_>>());
            chosen = longer.min_by_key(|links| with(links).spread().unwrap_or((u32::MAX, 0)))?;
        }
        Some(with(&chosen))
    });
    starts.flatten().min_by_key(|found| found.spread().unwrap_or((u32::MAX, 0)))
}

/// Two linked hosts put into two links of `base`: all hosts have as many links as before where that was 3.
fn best_joined(base: &Sparse) -> Option<Sparse> {
    let firsts = base.graph.links().iter().filter(|link| link.contains(&0));
    let found = firsts.flat_map(|first| {
        let with = |second| {
            let one = pinched(&base.graph, &[*first]);
            let both = pinched(&one, &[second]);
            let new = [one.hosts() - 1, one.hosts()];
            Sparse {
                graph: Graph::new(both.hosts(), both.links().iter().copied().chain([new])),
                symmetric: false,
                steps: None,
            }
        };
        apart(&base.graph, &[*first]).map(with).collect::<Vec<_>>()
    });
    found.min_by_key(|found| found.spread().unwrap_or((u32::MAX, 0)))
}

/// The links of `graph` that have no host in common with `chosen`.
fn apart<'a>(graph: &'a Graph, chosen: &[[usize; 2]]) -> impl Iterator<Item = [usize; 2]> + 'a {
    let taken: Vec<usize> = chosen.iter().flatten().copied().collect();
    graph
        .links()
        .iter()
        .filter(move |link| !link.iter().any(|end| taken.contains(end)))
        .copied()
}

/// The first with the shortest ways; none has shorter ones than `least`, so the search ends there.
fn shortest(candidates: impl Iterator<Item = Sparse>, least: u32) -> Option<Sparse> {
    let mut best: Option<((u32, u64), Sparse)> = None;
    for candidate in candidates {
        let Some(spread) = candidate.spread() else { continue };
        if best.as_ref().is_none_or(|(most, _)| spread < *most) {
            best = Some((spread, candidate));
        }
        if spread.0 == least {
            break;
        }
    }
    best.map(|(_, found)| found)
}

/// All ways to choose `count` of `things`, or [`TRIES`] of them where they are too many: the same in each run.
fn choices(things: &[usize], count: usize) -> Vec<Vec<usize>> {
    let all = (0..count).fold(1_usize, |all, index| {
        all.saturating_mul(things.len().saturating_sub(index)) / (index + 1)
    });
    if all > ALL_TRIES {
        return some_choices(things, count);
    }
    let mut chosen = vec![Vec::new()];
    for _ in 0..count {
        let longer = |start: &Vec<usize>| {
            let after = start.last().map_or(0, |last| things.partition_point(|thing| thing <= last));
            let start = start.clone();
            things[after..]
                .iter()
                .map(move |thing| start.iter().copied().chain([*thing]).collect())
                .collect::<Vec<_>>()
        };
        chosen = chosen.iter().flat_map(longer).collect();
    }
    chosen
}

fn some_choices(things: &[usize], count: usize) -> Vec<Vec<usize>> {
    let mut random = Random(things.len() as u64);
    let mut next = || things[random.below(things.len())];
    let choice = |_| {
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count {
            let thing = next();
            if !chosen.contains(&thing) {
                chosen.push(thing);
            }
        }
        chosen.sort_unstable();
        chosen
    };
    (0..TRIES).map(choice).collect()
}

/// A circulant with as many steps as keep the depth; see [`steps_bound`] for what is known of it after failures.
fn large(hosts: usize, survive: usize, depth: u32) -> Sparse {
    let mut found = None;
    for steps in (3 * survive).div_ceil(2).max(2)..=STEPS_MAX {
        // Fewer hosts than there are lie within the depth, whatever the steps.
        if within(steps, depth.saturating_sub(2)) < hosts as u64 && steps < STEPS_MAX {
            continue;
        }
        let tries = (SEARCH_EFFORT / (hosts * 2 * steps)).clamp(8, TRIES);
        let Some(best) = best_circulant(hosts, steps, tries) else {
            continue;
        };
        let fits = best.spread().is_some_and(|(diameter, _)| diameter + 2 <= depth);
        found = Some(best);
        if fits {
            break;
        }
    }
    found.unwrap_or_else(|| Sparse::symmetric(complete(hosts)))
}

/// Steps of a circulant: 32 links per host.
const STEPS_MAX: usize = 16;

/// How many hosts of any circulant with this many steps lie at most `links` links from one: the points of an integer lattice.
fn within(steps: usize, links: u32) -> u64 {
    let (mut total, mut term) = (1_u64, 1_u64);
    for index in 1..=steps.min(links as usize) as u64 {
        // 2^i * C(steps, i) * C(links, i)
        term = term.saturating_mul(2 * (steps as u64 - index + 1) * (u64::from(links) - index + 1)) / (index * index);
        total = total.saturating_add(term);
    }
    total
}

/// How far apart two hosts that are left can be after `failures` hosts or links of a circulant with these steps failed: 2 links more than the two
/// farthest apart before. `None` where that does not follow.
///
/// Take a shortest way from 0 to v. Besides it there are 2 * steps others: first a step t, one of the 2 * steps kinds, then the same way moved by t, then t back. A
/// host x that failed is on the moved way for those t only for which x - t is on the way. These are neighbours of x, so no two of them are more than 2 links apart, so
/// at most 3 of them are on a shortest way; where x is on the way itself, it is 2 of them, and the way itself is the third. So a host spoils at most 3
/// of the 2 * steps + 1 ways. So does a link: if it does not join 0 and v, one of its ends is neither, and spoils no less; and the link of 0 and v is on the way
/// itself and on those that begin with it or back from it. With 2 * steps + 1 > 3 * failures one way is whole.
pub fn steps_bound(diameter: u32, steps: usize, failures: usize) -> Option<u32> {
    (2 * steps + 1 > 3 * failures).then_some(diameter + 2)
}
