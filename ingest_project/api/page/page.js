// The page of the API: enter a token, submit a job, watch it. All text from outside is set as textContent.
"use strict";

const TOKEN = "ingest-token";
const POLL_MS = 2000;
const LISTED = 10;
const byId = (id) => document.getElementById(id);

let kinds = [];
let watched = null;
let timer = null;
let attempt = null; // the body of a submission that was not answered, with its idempotency key

class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail ? `${problem.title}: ${problem.detail}` : problem.title);
    this.status = status;
    this.title = problem.title;
    this.errors = problem.errors || [];
  }
}

async function call(method, path, body, headers = {}) {
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, credentials: "omit", cache: "no-store" });
  } catch {
    throw new Problem(0, { title: "The API did not answer", detail: "try again" });
  }
  let content = {};
  try {
    content = JSON.parse(await answer.text(), exactly);
  } catch {
    // what is between this page and the API may answer something else
  }
  if (!answer.ok) throw new Problem(answer.status, content.title ? content : { title: `Status ${answer.status}` });
  return content;
}

// A whole number that JavaScript would round, like the id of a snapshot, is shown by its digits.
function exactly(_key, value, context) {
  const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded && context && context.source ? context.source : value;
}

function element(name, text, properties = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return Object.assign(made, properties);
}

function say(text) {
  byId("message").textContent = text;
  byId("message").hidden = !text;
}

function showEntrance(text) {
  clearTimeout(timer);
  for (const id of ["submit", "watched", "listed", "leave"]) byId(id).hidden = true;
  byId("enter").hidden = false;
  say(text);
  byId("token").focus();
  byId("token").select(); // what is typed next replaces a wrong token
}

async function enter() {
  try {
    kinds = (await call("GET", "/kinds")).kinds;
  } catch (problem) {
    if (problem.status !== 401) return showEntrance(problem.message);
    const wasTried = sessionStorage.getItem(TOKEN) !== null;
    sessionStorage.removeItem(TOKEN);
    return showEntrance(wasTried ? "The token is not valid." : "");
  }
  say("");
  byId("enter").hidden = true;
  byId("token").value = "";
  byId("leave").hidden = sessionStorage.getItem(TOKEN) === null;
  byId("submit").hidden = false;
  byId("kind").replaceChildren(...kinds.map((kind) => element("option", kind.name, { value: kind.name })));
  showFields();
  byId("kind").focus();
  if (kinds.length === 0) say("Your token does not allow any kind of job.");
  await showList();
}

// A field of the form for each property of the input's JSON Schema.

function chosenKind() {
  return kinds.find((kind) => kind.name === byId("kind").value);
}

function typeOf(schema) {
  const some = (schema.anyOf || [schema]).filter((one) => one.type !== "null");
  return some.length === 1 ? { ...schema, ...some[0], anyOf: undefined } : { ...schema, type: "json" };
}

function control(name, schema, id) {
  if (schema.enum) {
    const made = element("select", undefined, { id });
    made.append(...schema.enum.map((value) => element("option", String(value), { value })));
    if (schema.default !== undefined && schema.default !== null) made.value = schema.default;
    return made;
  }
  if (schema.type === "boolean") {
    return element("input", undefined, { id, type: "checkbox", checked: schema.default === true });
  }
  if (schema.type === "integer") return element("input", undefined, { id, type: "text", inputMode: "numeric" });
  if (schema.type === "string") {
    const placeholder = schema.format === "date-time" ? "2026-11-30T08:00:00Z" : "";
    return element("input", undefined, { id, type: "text", autocomplete: "off", spellcheck: false, placeholder });
  }
  return element("textarea", undefined, { id, spellcheck: false });
}

function hintOf(schema) {
  const words = schema.description ? [schema.description] : [];
  if (isListOfText(schema)) words.push("One per line.");
  else if (isJson(schema)) words.push("As JSON.");
  return words.join(" ");
}

function isListOfText(schema) {
  return schema.type === "array" && schema.items && schema.items.type === "string";
}

function isJson(schema) {
  return !schema.enum && !isListOfText(schema) && !["boolean", "integer", "string"].includes(schema.type);
}

function fieldsOf(kind) {
  const properties = kind.input.properties;
  if (!properties) return [{ name: null, schema: { type: "object", description: "The input." }, required: false }];
  const required = new Set(kind.input.required || []);
  return Object.entries(properties).map(([name, schema]) => ({
    name, schema: typeOf(schema), required: required.has(name),
  }));
}

function shownName(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function showFields() {
  const kind = chosenKind();
  byId("kind-hint").textContent = kind ? kind.description : "";
  byId("fields").replaceChildren();
  for (const { name, schema, required } of kind ? fieldsOf(kind) : []) {
    const id = `field-${name ?? ""}`;
    const input = control(name, schema, id);
    const label = element("label", shownName(name ?? "input") + (required ? "" : " (optional)"));
    label.htmlFor = id;
    const group = element("div");
    if (schema.type === "boolean") {
      label.className = "check";
      label.prepend(input);
      group.append(label);
    } else {
      group.append(label, input);
    }
    input.required = required;
    const hint = element("p", hintOf(schema), { id: `${id}-hint`, className: "hint" });
    const fault = element("p", "", { id: `${id}-fault`, className: "fault" });
    input.setAttribute("aria-describedby", `${hint.id} ${fault.id}`);
    group.append(hint, fault);
    byId("fields").append(group);
  }
}

function valueOf(schema, input) {
  if (schema.type === "boolean") return input.checked || undefined;
  const text = input.value.trim();
  if (text === "") return undefined;
  if (isListOfText(schema)) return text.split("\n").map((line) => line.trim()).filter(Boolean);
  if (isJson(schema)) {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error("is not JSON");
    }
  }
  if (schema.type === "integer") {
    if (!/^-?\d+$/.test(text)) throw new Error("is not a whole number");
    // A number of JavaScript holds 53 bits; the digits go into the body as they are.
    return Number.isSafeInteger(Number(text)) ? Number(text) : { digits: text };
  }
  return text;
}

function bodyOf(kind) {
  let given = {};
  const big = [];
  for (const { name, schema } of fieldsOf(kind)) {
    const input = byId(`field-${name ?? ""}`);
    let value;
    try {
      value = valueOf(schema, input);
    } catch (error) {
      throw new Problem(422, { title: "Correct the input", errors: [{ field: path(name), reason: error.message }] });
    }
    if (value === undefined) continue;
    if (name === null) given = value;
    else if (value.digits) big.push(`${JSON.stringify(name)}:${value.digits}`);
    else given[name] = value;
  }
  const text = JSON.stringify(given);
  const input = big.length ? `${text.slice(0, -1)}${text === "{}" ? "" : ","}${big.join(",")}}` : text;
  return `{"job":${JSON.stringify(kind.name)},"input":${input}}`;
}

function path(name) {
  return name === null ? "input" : `input.${name}`;
}

function markFaults(problem) {
  const others = [];
  let first = null;
  for (const { field, reason } of problem.errors) {
    const parts = field.split(".");
    const id = parts[0] === "input" ? `field-${parts[1] ?? ""}` : "kind";
    const input = byId(id);
    const place = byId(`${id}-fault`);
    if (!input || !place) {
      others.push(`${field} ${reason}`);
      continue;
    }
    const shown = parts.length > 2 ? `${parts.slice(2).join(".")}: ${reason}` : reason;
    place.textContent = place.textContent ? `${place.textContent}; ${shown}` : shown;
    input.setAttribute("aria-invalid", "true");
    first = first || input;
  }
  say(first ? [`${problem.title}. See the marked fields.`, ...others].join(" ") : [problem.message, ...others].join(" – "));
  (first || byId("message")).focus();
}

function clearFaults() {
  say("");
  for (const one of byId("fields").querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
  for (const one of byId("fields").querySelectorAll(".fault")) one.textContent = "";
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function submit() {
  const kind = chosenKind();
  const button = byId("submit").querySelector("button");
  clearFaults();
  button.disabled = true;
  try {
    const body = bodyOf(kind);
    // After an answer was lost, the same request has the same key: it is the same job.
    if (!attempt || attempt.body !== body) attempt = { body, key: newKey() };
    const job = await call("POST", "/submit-job", body, { "Idempotency-Key": attempt.key });
    attempt = null;
    show(job);
    byId("watched-title").focus();
    await showList();
  } catch (problem) {
    if (problem.status === 401) return showEntrance("The token is not valid any more.");
    if (problem.status >= 400 && problem.status < 500) attempt = null;
    markFaults(problem);
  } finally {
    button.disabled = false;
  }
}

// One job, asked for until it has ended.

const FACTS = [
  ["Job", (job) => job.id],
  ["Kind", (job) => job.job],
  ["Requester", (job) => job.requester],
  ["Submitted", (job) => shownTime(job.submitted_at)],
  ["Started", (job) => shownTime(job.started_at)],
  ["Ended", (job) => shownTime(job.ended_at)],
  ["Attempts", (job) => (job.attempts ? String(job.attempts) : null)],
  ["Progress", (job) => (job.progress ? shownProgress(job.progress) : null)],
  ["Error", (job) => (job.error ? `${job.error.class}: ${job.error.reason}` : null)],
  ["Result", (job) => (job.result ? JSON.stringify(job.result, null, 2) : null)],
  ["Link valid until", (job) => (job.manifest ? shownTime(job.manifest.expires_at) : null)],
];

function shownTime(text) {
  return text ? new Date(text).toLocaleString() : null;
}

function shownProgress(progress) {
  const parts = [];
  if (progress.objects_total !== null) parts.push(`${progress.objects_done ?? 0} of ${progress.objects_total} objects`);
  if (progress.rows !== null) parts.push(`${progress.rows.toLocaleString()} rows`);
  if (progress.bytes_done !== null) parts.push(`${progress.bytes_done.toLocaleString()} bytes`);
  return parts.join(", ") || null;
}

function isOver(job) {
  return ["completed", "failed", "cancelled"].includes(job.state);
}

function show(job) {
  watched = job.id;
  clearTimeout(timer);
  byId("watched").hidden = false;
  const state = job.cancel_requested && !isOver(job) ? `${job.state}, to be cancelled` : job.state;
  if (byId("state").textContent !== state) byId("state").textContent = state; // spoken only if it changes
  byId("state").className = `state ${job.state}`;
  const facts = FACTS.map(([name, of]) => [name, of(job)]).filter(([, text]) => text !== null);
  byId("facts").replaceChildren(...facts.flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
  const total = job.progress ? job.progress.objects_total : null;
  byId("progress").hidden = isOver(job) || !total;
  if (total) Object.assign(byId("progress"), { max: total, value: job.progress.objects_done ?? 0 });
  byId("cancel").hidden = isOver(job);
  byId("cancel").disabled = job.cancel_requested;
  const link = byId("manifest");
  link.hidden = !job.manifest;
  if (job.manifest && /^https?:/.test(job.manifest.url)) link.href = job.manifest.url;
  else link.removeAttribute("href");
  if (!isOver(job)) timer = setTimeout(watch, POLL_MS);
}

async function watch() {
  const id = watched;
  try {
    const job = await call("GET", `/job-status/${id}`);
    if (id !== watched) return;
    say("");
    show(job);
    if (isOver(job)) await showList();
  } catch (problem) {
    if (problem.status === 401) return showEntrance("The token is not valid any more.");
    say(problem.message);
    if (id === watched && problem.status !== 404) timer = setTimeout(watch, 2 * POLL_MS);
  }
}

async function cancel() {
  try {
    show(await call("POST", `/jobs/${watched}/cancel`));
    byId("watched-title").focus();
    await showList();
  } catch (problem) {
    say(problem.message);
    if (problem.status === 409) await watch();
  }
}

async function showList() {
  let found;
  try {
    found = (await call("GET", `/jobs?limit=${LISTED}`)).jobs;
  } catch (problem) {
    return say(problem.message);
  }
  const rows = found.map((job) => {
    const row = element("tr");
    const open = element("button", job.id, { type: "button" });
    open.setAttribute("aria-label", `Show job ${job.id}`);
    open.addEventListener("click", async () => {
      watched = job.id;
      await watch();
      byId("watched-title").focus();
    });
    const last = element("td");
    last.append(open);
    row.append(element("td", shownTime(job.submitted_at)), element("td", job.job), element("td", job.state), last);
    return row;
  });
  byId("rows").replaceChildren(...rows);
  byId("no-rows").hidden = rows.length > 0;
  byId("listed").hidden = false;
}

function on(id, event, action) {
  byId(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    action();
  });
}

on("enter", "submit", () => {
  sessionStorage.setItem(TOKEN, byId("token").value.trim());
  enter();
});
on("submit", "submit", submit);
on("kind", "change", () => {
  say("");
  showFields();
});
on("cancel", "click", cancel);
on("leave", "click", () => {
  sessionStorage.removeItem(TOKEN);
  watched = null;
  showEntrance("");
});
enter();
