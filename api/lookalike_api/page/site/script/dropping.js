// Files that are dropped or pasted onto the page; folders are looked through.

const PICTURE = /\.(avif|bmp|gif|heic|heif|jpe?g|png|tiff?|webp)$/i;

/** Whether a file looks like a picture; what it is is for the worker to say. */
export const isPicture = (file) => file.type.startsWith("image/") || PICTURE.test(file.name);

/** Take what is dropped anywhere, or pasted outside of a field, until `signal` ends.
 *
 * `files(list)` gets files, those of folders with their `path`; `text(words)` gets pasted text.
 */
export function takeDropsAndPastes({ files, text, signal }) {
  const root = document.documentElement;
  const listen = (name, heard) => document.addEventListener(name, heard, { signal });
  listen("dragover", (event) => {
    event.preventDefault();
    root.classList.add("dropping");
  });
  listen("dragleave", (event) => {
    if (!event.relatedTarget) root.classList.remove("dropping");
  });
  listen("drop", async (event) => {
    event.preventDefault();
    root.classList.remove("dropping");
    files(await filesOf(event.dataTransfer));
  });
  listen("paste", (event) => {
    const pasted = [...event.clipboardData.files];
    if (pasted.length) files(pasted);
    else if (!event.target.closest?.("input, textarea")) {
      text(event.clipboardData.getData("text/plain").trim());
    }
  });
}

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
