// Every text that is shown, against the ground that is really behind it (WCAG 2.2, 1.4.3): { checked, low: [...] }.
(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  // Any notation of CSS to [red, green, blue, alpha].
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (color) => {
    const [r, g, b] = color.slice(0, 3).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  let checked = 0;
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('.hidden, .skip, title, desc, defs')) continue;
    const style = getComputedStyle(element);
    const drawn = element.closest('svg');
    // In a drawing the box of a host is the ground of its name.
    const box = drawn && !element.matches('.tag') && element.parentElement.querySelector(':scope > rect');
    const below = drawn && box ? over(rgba(getComputedStyle(box).fill), ground(drawn.parentElement)) : ground(drawn ? drawn.parentElement : element);
    const ink = over(rgba(drawn ? style.fill : style.color), below);
    const [one, other] = [light(ink), light(below)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    checked += 1;
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)} (${element.tagName}.${element.getAttribute('class')})`);
  }
  return { checked, low };
})()
