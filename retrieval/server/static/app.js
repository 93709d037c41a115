// The page: one state (the question), drawn after every change. No library, no build.

const $ = (id) => document.getElementById(id);
const PAGE = 60;
const question = { terms: [], picture: null }; // terms beside the text: {id, negative, weight}
let asked = null; // AbortController of the request under way
let hits = [];
let shownHit = -1;
let exhausted = true;
let timer = 0;

function written() {
  const parts = [];
  const text = $("question").value.trim();
  if (text) parts.push(text);
  for (const term of question.terms) {
    const weight = term.weight === 1 ? "" : `${term.weight}:`;
    const one = `${weight}#${term.id}`;
    parts.push(parts.length ? `${term.negative ? "- " : "+ "}${one}` : `${term.negative ? "- " : ""}${one}`);
  }
  return parts.join(" ");
}

function parameters(offset) {
  const values = { q: written(), offset, limit: PAGE, fuse: $("fuse").value };
  values.min_confidence = Number($("confidence").value) / 100;
  if ($("where").value.trim()) values.where = $("where").value.trim();
  return new URLSearchParams(values);
}

async function search(more = false) {
  clearTimeout(timer);
  if (asked) asked.abort();
  if (!written() && !question.picture && !$("where").value.trim()) return welcome();
  asked = new AbortController();
  const { signal } = asked;
  const address = `/api/search?${parameters(more ? hits.length : 0)}`;
  const options = question.picture ? { method: "POST", body: question.picture.file, signal } : { signal };
  try {
    const response = await fetch(address, options);
    const found = await response.json();
    if (!response.ok) return refuse(found);
    hits = more ? hits.concat(found.hits) : found.hits;
    exhausted = found.hits.length < PAGE;
    draw(found, more);
    if (!more) history.replaceState(null, "", written() ? `?q=${encodeURIComponent(written())}` : "/");
  } catch (error) {
    if (error.name !== "AbortError") refuse({ error: "The server does not answer.", hint: "Is pixtrieve serve still running?" });
  }
}

function draw(found, more) {
  const gallery = $("gallery");
  const start = more ? hits.length - found.hits.length : 0;
  const items = hits.slice(start).map((hit, place) => item(hit, start + place));
  if (more) gallery.append(...items);
  else gallery.replaceChildren(...items);
  const time = found.seconds < 1 ? `${Math.round(found.seconds * 1000)} ms` : `${found.seconds.toFixed(1)} s`;
  $("state").textContent = `${found.searched.toLocaleString()} pictures searched in ${time}`;
  const best = hits.length ? hits[0].confidence : null;
  if (!hits.length) note("Nothing is near enough", "Lower the slider, or ask in other words.");
  else if (best !== null && best < 0.25 && !more) note("Perhaps nothing here matches", "Things that are not in the library find pictures as near as these.", true);
  else if (!more) $("note").hidden = true;
}

function item(hit, place) {
  const button = document.createElement("button");
  const image = document.createElement("img");
  image.loading = "lazy";
  image.decoding = "async";
  image.src = `/api/pictures/${hit.id}/thumbnail`;
  image.alt = fileName(hit.path);
  image.addEventListener("error", () => {
    const gone = document.createElement("span");
    gone.className = "gone";
    gone.textContent = `${fileName(hit.path)} cannot be shown. It may have changed or be on a drive that is not plugged in.`;
    image.replaceWith(gone);
  });
  button.append(image);
  if (hit.confidence !== null) {
    const sure = document.createElement("span");
    sure.className = "sure";
    sure.textContent = percent(hit.confidence);
    button.append(sure);
  }
  button.type = "button";
  button.addEventListener("click", () => view(place));
  const li = document.createElement("li");
  li.append(button);
  return li;
}

const fileName = (path) => path.split(/[/\\]/).pop();
const bytes = (size) => (size < 1e6 ? `${Math.ceil(size / 1000)} KB` : `${(size / 1e6).toFixed(1)} MB`);
const percent = (confidence) => `${Math.min(99, Math.round(confidence * 100))}%`;

function note(title, text, before = false) {
  const box = $("note");
  const heading = document.createElement("h2");
  heading.textContent = title;
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  box.replaceChildren(heading, paragraph);
  box.classList.toggle("before", before);
  box.classList.toggle("filter", text.includes("^"));
  if (before) $("gallery").before(box);
  else $("gallery").after(box);
  box.hidden = false;
}

function refuse(found) {
  const text = found.error ?? "That cannot be asked.";
  $("gallery").replaceChildren();
  hits = [];
  exhausted = true;
  note(text, found.hint ?? "");
  $("state").textContent = "";
}

async function welcome() {
  hits = [];
  exhausted = true;
  $("gallery").replaceChildren();
  const status = await (await fetch("/api/status")).json();
  const { images, problems } = status.counts;
  $("state").textContent = `${images.toLocaleString()} pictures · model ${status.model.name}`;
  $("trouble").hidden = !problems;
  $("trouble").textContent = `${problems.toLocaleString()} ${problems === 1 ? "file" : "files"} could not be used`;
  if (images) note("Ask in words, or drop a picture", "“2:dog + #17 - people” puts terms together: weights in front, and what must not be there behind a minus.");
  else note("The library has no pictures yet", "Add some in a terminal: pixtrieve index FOLDER");
  history.replaceState(null, "", "/");
}

function drawChips() {
  const chips = question.terms.map((term, place) => chip(`/api/pictures/${term.id}/thumbnail?side=256`, term, {
    turn: () => { term.negative = !term.negative; },
    weigh: () => { term.weight = term.weight === 1 ? 2 : term.weight === 2 ? 0.5 : 1; },
    remove: () => question.terms.splice(place, 1),
  }));
  if (question.picture) chips.push(chip(question.picture.address, null, { remove: dropPicture }));
  $("chips").replaceChildren(...chips);
}

function chip(address, term, actions) {
  const li = document.createElement("li");
  if (term?.negative) li.className = "negative";
  const image = document.createElement("img");
  image.src = address;
  image.alt = term ? `picture #${term.id}` : "your picture";
  li.append(image);
  const add = (text, label, action) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => { action(); drawChips(); search(); });
    li.append(button);
  };
  if (term) {
    add(term.negative ? "−" : "+", term.negative ? "without; change to with" : "with; change to without", actions.turn);
    add(`×${term.weight}`, `weight ${term.weight}; change`, actions.weigh);
  }
  add("✕", "remove", actions.remove);
  return li;
}

function dropPicture() {
  if (question.picture) URL.revokeObjectURL(question.picture.address);
  question.picture = null;
}

function usePicture(file) {
  if (!file || !file.type.startsWith("image/")) return;
  dropPicture();
  question.picture = { file, address: URL.createObjectURL(file) };
  drawChips();
  search();
}

function addTerm(negative) {
  const { id } = hits[shownHit];
  question.terms = question.terms.filter((term) => term.id !== id).concat({ id, negative, weight: 1 });
  $("viewer").close();
  drawChips();
  search();
}

function view(place) {
  if (place < 0 || place >= hits.length) return;
  shownHit = place;
  const hit = hits[place];
  $("large").src = `/api/pictures/${hit.id}/image`;
  $("large").alt = fileName(hit.path);
  $("name").textContent = fileName(hit.path);
  const facts = [["Folder", hit.path.slice(0, -fileName(hit.path).length)], ["Taken", hit.taken.replace("T", " ")],
    ["Size", `${hit.width} × ${hit.height}, ${bytes(hit.size)}, ${hit.format}`],
    ["Score", hit.score.toFixed(3) + (hit.confidence === null ? "" : `, ${percent(hit.confidence)} sure`)],
    ["Camera", hit.camera ?? ""], ["Number", `#${hit.id}`], ["Copies", hit.copies.join("\n")]];
  $("facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => {
    const dt = document.createElement("dt");
    dt.textContent = name;
    const dd = document.createElement("dd");
    dd.textContent = value;
    return [dt, dd];
  }));
  if (!$("viewer").open) $("viewer").showModal();
}

async function showProblems() {
  const found = await (await fetch("/api/problems")).json();
  $("problemlist").replaceChildren(...found.problems.map((problem) => {
    const li = document.createElement("li");
    li.textContent = `${problem.path}: ${problem.reason}`;
    return li;
  }));
  $("problems").showModal();
}

async function index() {
  const response = await fetch("/api/indexing", { method: "POST" });
  if (response.ok || response.status === 409) follow();
}

function follow() {
  const events = new EventSource("/api/indexing");
  $("index").disabled = true;
  events.onmessage = ({ data }) => {
    const run = JSON.parse(data);
    const { progress } = run;
    $("progress").hidden = !run.running;
    if (progress) {
      $("progress").max = Math.max(1, progress.pending);
      $("progress").value = progress.handled;
      $("state").textContent = run.running ? `${progress.handled.toLocaleString()} of ${progress.pending.toLocaleString()} new files`
        : `${progress.encoded.toLocaleString()} pictures are new`;
    }
    if (run.running) return;
    events.close();
    $("index").disabled = false;
    if (run.error) note("Indexing has stopped", run.error);
  };
  events.onerror = () => { events.close(); $("index").disabled = false; };
}

$("question").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 90); });
$("ask").addEventListener("submit", (event) => { event.preventDefault(); search(); });
$("confidence").addEventListener("input", () => {
  $("sure").textContent = `${$("confidence").value}%`;
  clearTimeout(timer);
  timer = setTimeout(search, 90);
});
$("where").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 400); });
$("fuse").addEventListener("change", () => search());
$("upload").addEventListener("change", () => { usePicture($("upload").files[0]); $("upload").value = ""; });
$("like").addEventListener("click", () => { $("question").value = ""; question.terms = []; dropPicture(); addTerm(false); });
$("plus").addEventListener("click", () => addTerm(false));
$("minus").addEventListener("click", () => addTerm(true));
$("close").addEventListener("click", () => $("viewer").close());
$("closeproblems").addEventListener("click", () => $("problems").close());
$("index").addEventListener("click", index);
$("trouble").addEventListener("click", showProblems);
$("viewer").addEventListener("close", () => { $("large").removeAttribute("src"); $("gallery").children[shownHit]?.querySelector("button").focus(); });
document.addEventListener("paste", (event) => usePicture([...event.clipboardData.files][0]));
document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  usePicture(event.dataTransfer.files[0]);
});
document.addEventListener("keydown", (event) => {
  if ($("viewer").open) {
    if (event.key === "ArrowRight") view(shownHit + 1);
    if (event.key === "ArrowLeft") view(shownHit - 1);
  } else if (event.key === "/" && document.activeElement !== $("question")) {
    event.preventDefault();
    $("question").focus();
  }
});
new IntersectionObserver(([entry]) => {
  if (entry.isIntersecting && !exhausted) search(true);
}, { rootMargin: "800px" }).observe($("more"));

$("question").value = new URLSearchParams(location.search).get("q") ?? "";
search();
