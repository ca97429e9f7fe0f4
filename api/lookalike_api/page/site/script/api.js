// Requests to the API; errors are its problems, word by word.

import { askForKey, key } from "./key.js";

/** An error as RFC 9457 writes it; `retry_after_s` is null where time does not help. */
export class Problem extends Error {
  constructor({ title, detail, status = 0, type = "" }, retry_after_s = null) {
    super(detail);
    Object.assign(this, { title, detail, status, type, retry_after_s });
  }
}

const UNREACHABLE = {
  title: "No answer",
  detail: "The API cannot be reached: it has stopped, or the network has. Try again.",
};

export const get = (path, signal) => ask("GET", path, { signal });

export const sendJson = (method, path, body, signal) =>
  ask(method, path, {
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
    signal,
  });

/** Send a file with fields beside it; objects are written as JSON, absent ones not at all. */
export function sendFile(path, file, fields, signal) {
  const form = new FormData();
  form.append("file", file, file.name || "pasted.png");
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    form.append(name, typeof value === "object" ? JSON.stringify(value) : value);
  }
  return ask("POST", path, { body: form, signal });
}

/** Send objects as lines of JSON; the answers, a line for each, fewer where they were cut off. */
export async function sendLines(path, objects, signal) {
  const body = objects.map((one) => JSON.stringify(one)).join("\n");
  const headers = { "Content-Type": "application/x-ndjson" };
  const answer = await answered("POST", path, { body, headers, signal });
  const text = await answer.text().catch(() => {
    throw new Problem(UNREACHABLE);
  });
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

/** Bytes that nothing waits for: whatever else is asked for goes before them. */
export async function getBlob(path) {
  return (await answered("GET", path, { priority: "low" })).blob();
}

async function ask(method, path, options) {
  const answer = await answered(method, path, options);
  return answer.status === 204 ? null : answer.json();
}

/** The answer, once a key opens the door, if it needs one; throws Problem, or AbortError. */
async function answered(method, path, options) {
  for (;;) {
    const used = key();
    const answer = await fetched(method, path, options, used);
    if (answer.ok) return answer;
    const problem = await problemOf(answer, path);
    if (answer.status !== 401 || !(await askForKey(problem.detail, used))) throw problem;
  }
}

async function fetched(method, path, { headers, ...options }, used) {
  const permission = used ? { Authorization: `Bearer ${used}` } : {};
  try {
    return await fetch(path, { method, headers: { ...headers, ...permission }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE);
  }
}

async function problemOf(answer, path) {
  const after = Number(answer.headers.get("Retry-After"));
  const told = await answer.json().catch(() => ({}));
  const problem = {
    title: told.title ?? answer.statusText ?? "Error",
    detail: told.detail ?? `${path} answered with status ${answer.status}.`,
    status: answer.status,
    type: told.type ?? "",
  };
  if (answer.status === 404 && problem.type === "about:blank") {
    problem.detail = `${path.split("?")[0]}: ${told.detail}. Is this API of an older release?`;
  }
  return new Problem(problem, after > 0 ? after : null);
}
