"""What is measured on a page: expressions for the browser, each answering with a list of what is wrong."""

from __future__ import annotations

UNFOLDED = "document.querySelectorAll('details').forEach((d) => { d.open = true; }), []"
"""Open what is folded, so that it is measured too."""

SHAPE = """(() => {
  const wrong = [];
  const heads = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => Number(h.tagName[1]));
  if (heads.filter((level) => level === 1).length !== 1) wrong.push("h1: " + heads);
  heads.forEach((level, n) => { if (n && level > heads[n - 1] + 1) wrong.push("a level is left out: " + heads); });
  if (!document.title.trim()) wrong.push("no title");
  if (!document.documentElement.lang) wrong.push("no lang");
  if (document.querySelector("[style], style, [onclick]")) wrong.push("something inline");
  return wrong;
})()"""
"""One h1, headings in order, a title, a language, nothing inline."""

SIDEWAYS = """(() => {
  const wide = document.documentElement.scrollWidth, have = document.documentElement.clientWidth;
  if (wide <= have) return [];
  const out = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > have + 1 && !e.closest(".scroll"));
  return [wide + " of " + have + ": " + out.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(" | ")];
})()"""
"""Nothing makes the page wider than the window."""

LARGER = "document.documentElement.style.fontSize = '200%', null"
"""The reader's own text size: twice."""
SMALLER = "document.documentElement.removeAttribute('style'), null"

FOCUS = """(() => {
  const wrong = [];
  const visible = (e) => e.getClientRects().length && getComputedStyle(e).visibility === "visible";
  const all = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")];
  for (const e of all.filter((e) => visible(e) && e.tabIndex >= 0)) {
    const name = e.outerHTML.slice(0, 120);
    e.focus();
    if (document.activeElement !== e) { wrong.push("takes no focus: " + name); continue; }
    const look = getComputedStyle(e), box = e.getClientRects()[0];
    if (look.outlineStyle === "none" || parseFloat(look.outlineWidth) < 2) wrong.push("no outline: " + name);
    const x = Math.min(Math.max(box.left + Math.min(box.width, 40) / 2, 1), innerWidth - 2), y = box.top + box.height / 2;
    const top = document.elementFromPoint(x, y);
    if (box.right < 0 || box.bottom < 0) wrong.push("out of sight: " + name);
    else if (top && !(e.contains(top) || top.contains(e) || (e.labels && [...e.labels].some((l) => l.contains(top))))) wrong.push("under something: " + name);
  }
  document.activeElement.blur();
  scrollTo(0, 0);
  return wrong;
})()"""
"""Whatever takes the focus shows it, and nothing lies over it. Ask after a key was pressed: a mouse's focus needs no ring."""

TARGETS = """(() => {
  const small = [];
  for (const e of document.querySelectorAll("button, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select, textarea, summary, nav a, .buttons a")) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > 0 && box.height < (e.closest(".facets") ? 24 : 43.5)) small.push(Math.round(box.height) + " px: " + e.outerHTML.slice(0, 100));
  }
  return small;
})()"""
"""Controls are 44 pixels high: a thumb finds them."""

RING = """(() => { const look = getComputedStyle(document.activeElement); return look.outlineStyle === "none" ? "" : look.outlineWidth; })()"""
"""How wide the ring is around what has the focus; "" for none."""
