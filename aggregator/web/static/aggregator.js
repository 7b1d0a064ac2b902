"use strict";
/* Keys and relative times: an enhancement. Every page works without this file, it asks nobody for anything, and what it remembers
   (what was read, whether keys are on) stays in this browser. */
(() => {
  const ITEMS = ".news > li, .hits > li, .timeline > li, .editions > li, [data-keys] > li";
  const MOST = 2000; // stories remembered as read
  const GO = { t: "today", w: "watchlists", s: "search", f: "feeds", e: "editions" };
  const KEYS = [
    ["j", "next story"], ["k", "story before"], ["o or Enter", "open it"], ["m", "mark it as read, or not"], ["/", "search"],
    ["g then t, w, s, f, e", "go to Today, Watchlists, Search, Feeds, Editions"], ["?", "these keys"], ["Esc", "close"],
  ];

  // -- what this browser remembers; where it may not, nothing is remembered

  const recall = (name, otherwise) => {
    try { return JSON.parse(localStorage.getItem(name)) ?? otherwise; } catch { return otherwise; }
  };
  const keep = (name, value) => {
    try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* then it holds for this page */ }
  };
  let on = recall("keys", true) !== false;

  const make = (tag, text = "", given = {}) => Object.assign(document.createElement(tag), { textContent: text, ...given });

  // -- stories

  const items = () => [...document.querySelectorAll(ITEMS)].filter((item) => headline(item) && item.getClientRects().length);
  const headline = (item) => item.querySelector("h2 a[href], h3 a[href], a[href]");
  const name = (item) => item.dataset.story || (item.querySelector("a[href*='stories/']") || headline(item)).href;
  const current = () => document.activeElement?.closest(ITEMS);

  const step = (by) => {
    const all = items();
    const at = all.indexOf(current());
    const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
    if (next) headline(next).focus();
  };

  const show = (item, read) => {
    item.classList.toggle("read", read);
    item.querySelector(":scope .said-read")?.remove();
    if (read) headline(item).after(make("span", " (read)", { className: "unseen said-read" }));
  };

  const toggle = (item) => {
    const known = recall("read", []);
    const read = !item.classList.contains("read");
    const rest = known.filter((one) => one !== name(item));
    keep("read", read ? [...rest, name(item)].slice(-MOST) : rest);
    // A story may stand on a page twice.
    for (const one of items()) if (name(one) === name(item)) show(one, read);
    status.textContent = read ? "Marked as read; m takes it back" : "Not read";
  };

  // -- the dialog with the keys, and the button that opens it where keys are off

  const status = make("p", "", { className: "unseen", role: "status" });
  const dialog = make("dialog", "", { className: "keys" });

  const fill = () => {
    const list = make("dl", "", { className: "facts" });
    for (const [key, does] of KEYS) {
      const term = make("dt");
      term.append(make("kbd", key));
      const line = make("div");
      line.append(term, make("dd", does));
      list.append(line);
    }
    const box = make("input", "", { type: "checkbox", checked: on });
    box.addEventListener("change", () => { on = box.checked; keep("keys", on); });
    const label = make("label");
    label.append(box, "Keys work on these pages");
    const form = make("form", "", { method: "dialog" });
    form.append(make("button", "Close", { autofocus: true }));
    const title = make("h2", "Keys", { id: "keys-title" });
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.append(title, list, label, form);
  };
  const help = () => {
    if (!dialog.childElementCount) fill();
    dialog.showModal();
  };

  // -- keys

  const search = () => {
    const field = document.querySelector("main input[type=search], main input[name=q]");
    if (field) field.focus();
    else go("search");
  };
  const go = (page) => document.querySelector(`.top a[data-page="${page}"]`)?.click();

  const ACTS = {
    j: () => step(1),
    k: () => step(-1),
    o: () => { const item = current(); if (item) headline(item).click(); },
    m: () => { const item = current(); if (item) toggle(item); },
    "/": search,
    "?": help,
  };
  let going = false;

  document.addEventListener("keydown", (event) => {
    if (!on || dialog.open || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")) return;
    const act = going ? GO[event.key] && (() => go(GO[event.key])) : ACTS[event.key];
    going = !going && event.key === "g";
    if (!act) return;
    event.preventDefault();
    act();
  });

  // -- relative times, beside the clock

  const ago = (minutes) => {
    if (minutes < 0 || minutes >= 36 * 60) return "";
    if (minutes < 1) return " (now)";
    return minutes < 60 ? ` (${Math.floor(minutes)} min ago)` : ` (${Math.floor(minutes / 60)} h ago)`;
  };
  const tick = () => {
    for (const time of document.querySelectorAll(".news time[datetime], .hits time[datetime]")) {
      let beside = time.nextElementSibling;
      if (!beside?.classList.contains("ago")) time.after((beside = make("span", "", { className: "ago" })));
      beside.textContent = ago((Date.now() - Date.parse(time.dateTime)) / 60000);
    }
  };

  document.body.append(dialog, status);
  const button = make("button", "Keys", { type: "button", className: "plain" });
  button.addEventListener("click", help);
  document.querySelector(".bottom nav")?.append(button);
  const read = new Set(recall("read", []));
  for (const item of items()) if (read.has(name(item))) show(item, true);
  tick();
  setInterval(() => document.hidden || tick(), 60000);
  // A page that comes back as it was left, by the button "back", has an old clock.
  addEventListener("pageshow", tick);
})();
