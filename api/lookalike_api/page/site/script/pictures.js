// The pictures that were dropped, pasted or picked as questions, while this tab is open.

const pictures = new Map();

/** Keep a picture; the word for it stands in the address. */
export function keepPicture(file) {
  const word = crypto.randomUUID?.().slice(0, 8) ?? String(Date.now());
  pictures.set(word, { file, url: URL.createObjectURL(file) });
  return word;
}

/** The file and a URL to show it by; undefined after the page was loaded anew. */
export const pictureOf = (word) => pictures.get(word);
