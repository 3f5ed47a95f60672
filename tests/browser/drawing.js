// What does not fit in the drawing of the mesh: names larger than their boxes, texts outside, texts over texts.
(() => {
  const svg = document.querySelector('.topology');
  const all = svg.getBoundingClientRect();
  const wrong = [];
  const boxes = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  for (const [name, box] of boxes) {
    if (box.left < all.left - 1 || box.right > all.right + 1 || box.top < all.top - 1 || box.bottom > all.bottom + 1) wrong.push(`${name} is outside`);
  }
  for (const rect of svg.querySelectorAll('.node rect')) {
    const [outer, inner] = [rect.getBoundingClientRect(), rect.nextElementSibling.getBoundingClientRect()];
    if (inner.left < outer.left || inner.right > outer.right) wrong.push(`${rect.nextElementSibling.textContent} does not fit its box`);
    for (const [name, box] of boxes) {
      if (name === rect.nextElementSibling.textContent) continue;
      if (box.left < outer.right && box.right > outer.left && box.top + 4 < outer.bottom && box.bottom - 4 > outer.top) wrong.push(`${name} is behind a host`);
    }
  }
  // Names that point outwards have boxes that overlap where they themselves do not.
  const level = svg.querySelector('text[transform]') ? [] : boxes;
  level.forEach(([name, box], index) => level.slice(index + 1).forEach(([other, next]) => {
    const across = Math.min(box.right, next.right) - Math.max(box.left, next.left);
    const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
    if (across > 2 && down > 4) wrong.push(`${name} and ${other} overlap`);
  }));
  return wrong;
})()
