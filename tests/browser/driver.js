"use strict";
/* Drives one Chromium for the tests, for as long as its stdin is open: a line of JSON in, a line of JSON out.

   {"do": "visit", ...} begins a visit (a browser context of its own, with one page) and answers its number; all others name a
   visit. What goes wrong is answered as {"error": "..."}. The verbs are the functions of VERBS. */

const readline = require("readline");
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
const TIMEOUT = 10000;
const visits = new Map();
let browser;

const VERBS = {
  /* cookies: [{name, value, url}]; now: milliseconds at which the browser's clock stands still */
  async visit({ width = 1280, height = 800, scheme = "light", js = true, forced = "none", motion = "no-preference", cookies = [], now }) {
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: scheme, javaScriptEnabled: js, forcedColors: forced, reducedMotion: motion,
    });
    context.setDefaultTimeout(TIMEOUT);
    await context.addCookies(cookies);
    const page = await context.newPage();
    if (now) await page.clock.setFixedTime(now);
    const visit = { context, page, noise: [], asked: [] };
    page.on("console", (said) => visit.noise.push({ text: `${said.type()}: ${said.text()}`, of: said.location().url }));
    page.on("pageerror", (error) => visit.noise.push({ text: `error: ${error.message}`, of: page.url() }));
    page.on("request", (request) => visit.asked.push(request.url()));
    visits.set(visits.size + 1, visit);
    return visits.size;
  },
  async open({ page }, { url }) {
    const response = await page.goto(url);
    return response.status();
  },
  async wear({ page }, { width, height = 800, scheme }) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
  },
  async axe({ page }) {
    if (!(await page.evaluate("Boolean(window.axe)"))) await page.evaluate(axe.source);
    const found = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), TAGS);
    const wrong = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160)).join(" | ")}`);
    return { wrong, rules: found.violations.length + found.passes.length };
  },
  async press({ page }, { keys }) {
    for (const key of keys) await page.keyboard.press(key);
  },
  async type({ page }, { text }) {
    await page.keyboard.type(text);
  },
  async fill({ page }, { selector, text }) {
    await page.fill(selector, text);
  },
  async choose({ page }, { selector, text }) {
    await page.selectOption(selector, text);
  },
  /* A click that leads to another page is waited for. */
  async click({ page }, { selector, leads = true }) {
    if (!leads) return page.click(selector);
    await Promise.all([page.waitForNavigation(), page.click(selector)]);
  },
  async lead({ page }, { keys }) {
    const [first, ...more] = keys.reverse();
    for (const key of more.reverse()) await page.keyboard.press(key);
    await Promise.all([page.waitForNavigation(), page.keyboard.press(first)]);
  },
  async back({ page }) {
    await page.goBack();
  },
  async ask({ page }, { script }) {
    return page.evaluate(script);
  },
  async where({ page }) {
    return page.url();
  },
  async shoot({ page }, { path }) {
    await page.screenshot({ path, fullPage: true });
  },
  /* What was said on the console, and asked of the network, since the last time. */
  async heard(visit) {
    const { noise, asked } = visit;
    visit.noise = [];
    visit.asked = [];
    return { noise, asked };
  },
  async leave({ context }) {
    await context.close();
  },
};

async function answer(line) {
  const { do: verb, visit, ...given } = JSON.parse(line);
  try {
    const value = verb === "visit" ? await VERBS.visit(given) : await VERBS[verb](visits.get(visit), given);
    return { value: value === undefined ? null : value };
  } catch (error) {
    return { error: String(error.message || error) };
  }
}

(async () => {
  browser = await chromium.launch({ executablePath: process.argv[2], args: FLAGS });
  process.stdout.write(`${JSON.stringify({ value: browser.version() })}\n`);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
  await browser.close();
})();
