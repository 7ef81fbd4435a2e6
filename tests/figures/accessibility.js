// What the test of the page asks of it, in the page: contrast, landmarks, headings, labels, tables, links, widths.
const luminance = (rgb) => { const [r, g, b] = rgb.map((v) => { v /= 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const numbers = (color) => (color.match(/[\d.]+/g) || []).map(Number);
const ground = (node) => { for (; node; node = node.parentElement) { const c = numbers(getComputedStyle(node).backgroundColor);
  if (c.length === 3 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
const shown = (node) => node.getClientRects().length > 0 && !node.closest("svg") && !node.closest(".skip");
const contrasts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) { const node = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !node || ["SCRIPT", "STYLE"].includes(node.tagName) || !shown(node)) continue;
  const [a, b] = [numbers(getComputedStyle(node).color).slice(0, 3), ground(node)].map(luminance).sort((x, y) => y - x);
  contrasts.push([(a + 0.05) / (b + 0.05), node.className + ": " + node.textContent.trim().slice(0, 40)]); }
const answer = {
  language: document.documentElement.lang,
  title: document.title,
  landmarks: ["main", "header", "nav"].map((name) => document.querySelectorAll(name).length),
  headings: [...document.querySelectorAll("h1, h2, h3, h4")].map((node) => Number(node.tagName[1])),
  unlabelled: [...document.querySelectorAll("figure, nav, [role=img]")].filter((node) =>
    !node.getAttribute("aria-label")).length,
  tables_without_headers: [...document.querySelectorAll("table")].filter((table) =>
    !table.querySelector("th[scope]")).length,
  empty_headers: [...document.querySelectorAll("th")].filter((th) => !th.textContent.trim()).length,
  scrolls_without_keyboard: [...document.querySelectorAll("*")].filter((node) => node.scrollWidth > node.clientWidth + 1
    && ["auto", "scroll"].includes(getComputedStyle(node).overflowX) && node.tabIndex < 0).length,
  dead_links: [...document.querySelectorAll("a[href^='#']")].filter((a) => !document.querySelector(a.getAttribute("href"))).length,
  repeated_ids: document.querySelectorAll("[id]").length - new Set([...document.querySelectorAll("[id]")].map((n) => n.id)).size,
  least_contrast: contrasts.sort((x, y) => x[0] - y[0])[0],
  sticks_out: document.documentElement.scrollWidth - innerWidth,
  cut: [...document.querySelectorAll(".headed, .findings")].filter((table) =>
    innerWidth >= 1280 && table.scrollWidth > table.parentElement.clientWidth + 1).length,
};
