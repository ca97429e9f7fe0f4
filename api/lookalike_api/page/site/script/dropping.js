// Files that are dropped or pasted onto the page; folders are looked through.

const PICTURE = /\.(avif|bmp|gif|heic|heif|jpe?g|png|tiff?|webp)$/i;

/** Whether a file looks like a picture; what it is is for the worker to say. */
export const isPicture = (file) => file.type.startsWith("image/") || PICTURE.test(file.name);

/** Take files that are dropped or pasted anywhere, and text outside of fields, until `signal` ends.
 *
 * `files(list)` gets files, those of folders with their `path`; `text(words)` gets text, such as
 * the URL of a picture that was dragged out of another page.
 */
export function takeDropsAndPastes({ files, text, signal }) {
  const listen = (name, heard) => document.addEventListener(name, heard, { signal });
  takeDrops(listen, { files, text });
  listen("paste", (event) => {
    const pasted = [...event.clipboardData.files];
    if (pasted.length) files(pasted);
    else if (!isField(event.target)) text(event.clipboardData.getData("text/plain").trim());
  });
}

function takeDrops(listen, { files, text }) {
  const { classList } = document.documentElement;
  // A tile of this very page is no news to it.
  let is_ours = false;
  const isTaken = ({ target, dataTransfer }) =>
    !is_ours && (bringsFiles(dataTransfer) || !isField(target));

  listen("dragstart", () => (is_ours = true));
  listen("dragend", () => (is_ours = false));
  listen("dragover", (event) => {
    if (!isTaken(event)) return;
    event.preventDefault();
    classList.add("dropping");
  });
  listen("dragleave", (event) => {
    if (!event.relatedTarget) classList.remove("dropping");
  });
  listen("drop", async (event) => {
    classList.remove("dropping");
    if (!isTaken(event)) return;
    event.preventDefault();
    if (bringsFiles(event.dataTransfer)) files(await filesOf(event.dataTransfer));
    else text(textOf(event.dataTransfer));
  });
}

const isField = (element) => Boolean(element.closest?.("input, textarea"));

const bringsFiles = ({ types }) => types.includes("Files");

const textOf = (data) => (data.getData("text/uri-list") || data.getData("text/plain")).trim();

async function filesOf({ items, files }) {
  // The entries are gone after the first await.
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...files];
  return (await Promise.all(entries.map((entry) => filesBelow(entry)))).flat();
}

async function filesBelow(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    file.path = entry.fullPath.replace(/^\//, "");
    return [file];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives some at a time, and none at the end.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found.flat();
    for (const one of some) found.push(await filesBelow(one));
  }
}
