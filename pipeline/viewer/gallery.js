(() => {
"use strict";
const clips = JSON.parse(document.getElementById("clips").textContent);
const list = document.getElementById("cards");
const [words, show, order] = ["words", "show", "order"].map((id) => document.getElementById(id));
const template = document.getElementById("card").content.firstElementChild;
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

const count = (number, one, many) => `${number.toLocaleString()} ${number === 1 ? one : many}`;

function length(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60) % 60;
  const parts = [Math.floor(whole / 3600), minutes, whole % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
}

function facts(clip) {
  const said = [];
  if (clip.state === "failed") said.push("failed");
  if (clip.state === "pending") said.push("not run yet");
  if (clip.people !== null) said.push(clip.people ? count(clip.people, "person", "people") : "nobody");
  if (clip.seconds !== null) said.push(length(clip.seconds));
  if (clip.frames !== null) said.push(count(clip.frames, "frame", "frames"));
  return said.join(" · ");
}

// Names and texts are set as text, addresses were encoded when the page was made.
function cardOf(clip) {
  const card = template.cloneNode(true);
  const find = (name) => card.querySelector(name);
  card.classList.add(clip.state);
  find(".name").textContent = clip.name;
  if (clip.source) find(".name").title = clip.source;
  if (clip.links.length) for (const link of [".name", ".poster"]) find(link).href = clip.links[0][1];
  else find(".name").tabIndex = 0;
  find(".facts").textContent = facts(clip);
  find(".error").textContent = clip.error;
  for (const [what, address] of clip.links) {
    const link = document.createElement("a");
    link.href = address;
    link.textContent = what;
    find(".links").append(link);
  }
  const findings = find(".findings");
  if (clip.findings.length) {
    find("summary").textContent = `${clip.findings.length} to be doubted`;
    for (const said of clip.findings) {
      const item = document.createElement("li");
      item.textContent = said;
      find(".findings ul").append(item);
    }
  } else findings.remove();
  return card;
}

const rows = clips.map((clip, place) => ({
  clip, place, card: cardOf(clip), key: clip.name.toLocaleLowerCase(),
}));
const byName = [...rows].sort((a, b) => collator.compare(a.clip.name, b.clip.name) || a.place - b.place);
byName.forEach((row, rank) => { row.rank = rank; });

// Posters are shown when they come into view: a thousand are not decoded at once.
const rowOf = new Map(rows.map((row) => [row.card, row]));
const watcher = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    if (!isIntersecting) continue;
    const { clip, card } = rowOf.get(target);
    if (clip.poster) card.querySelector("img").src = clip.poster;
    watcher.unobserve(target);
  }
}, { rootMargin: "600px" });

const SHOWN = {
  all: () => true,
  doubted: ({ findings }) => findings.length > 0,
  nobody: ({ people, state }) => people === 0 || (state === "done" && people === null),
  several: ({ people }) => people > 1,
  failed: ({ state }) => state === "failed",
  pending: ({ state }) => state === "pending",
};
const WORTH = {
  name: () => 0,
  longest: ({ seconds }) => seconds ?? -1,
  people: ({ people }) => people ?? -1,
  doubted: ({ findings }) => findings.length,
  failed: ({ state }) => ["done", "pending", "failed"].indexOf(state),
};

let shown = [];
let ordered = "";
function update() {
  const wanted = words.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const fits = SHOWN[show.value] ?? SHOWN.all, worth = WORTH[order.value] ?? WORTH.name;
  for (const row of rows) {
    row.card.hidden = !(fits(row.clip) && wanted.every((word) => row.key.includes(word)));
  }
  if (ordered !== order.value) {
    rows.sort((a, b) => worth(b.clip) - worth(a.clip) || a.rank - b.rank);
    list.append(...rows.map((row) => row.card));
    ordered = order.value;
  }
  shown = rows.filter((row) => !row.card.hidden);
  const failed = clips.filter(SHOWN.failed).length;
  const all = count(clips.length, "clip", "clips") + (failed ? `, ${failed} failed` : "");
  document.getElementById("count").textContent =
    shown.length === clips.length ? all : `${shown.length.toLocaleString()} of ${all}`;
  document.getElementById("nothing").hidden = shown.length > 0;
}

function everything() {
  words.value = "";
  show.value = "all";
  update();
}

// The clip above, below or beside, as the cards lie on the screen.
function neighbour(from, key) {
  const at = shown.findIndex((row) => row.card === from);
  if (key === "ArrowRight") return shown[at + 1];
  if (key === "ArrowLeft") return shown[at - 1];
  const columns = getComputedStyle(list).gridTemplateColumns.split(" ").length;
  return shown[at + (key === "ArrowDown" ? columns : -columns)];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input, select");
  if (event.key === "Escape") {
    everything();
    if (typing) typing.blur();
  } else if (event.key === "/" && !typing) {
    words.focus();
  } else if (event.key.startsWith("Arrow") && (!typing || (typing === words && event.key === "ArrowDown"))) {
    const card = event.target.closest(".card");
    const next = card ? neighbour(card, event.key) : shown[0];
    if (!next) return;
    next.card.querySelector(".name").focus();
    next.card.scrollIntoView({ block: "nearest" });
  } else return;
  event.preventDefault();
});
document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("all").addEventListener("click", everything);
words.addEventListener("input", update);
show.addEventListener("change", update);
order.addEventListener("change", update);
window.addEventListener("pageshow", update);  // a browser that goes back fills in the form

update();
for (const row of rows) watcher.observe(row.card);
})();
