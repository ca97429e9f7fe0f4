// The question: where a picture is dropped, pasted or picked, and which one is asked by.

import { get } from "../api.js";
import { h } from "../dom.js";
import { isAsked } from "./finding.js";
import { pictureOf } from "../pictures.js";
import { placeholder, thumbnail } from "../thumbnails.js";
import { described, label } from "../words.js";

/** The panel; `picked(files)` and `named(text)` hear of new questions. */
export function questionPanel({ picked, named }) {
  const asked = h("div", { className: "asked", aria: { live: "polite" } });
  const contents = [asked, dropZone(picked, named)];
  const element = h("section", { className: "question", aria: { label: "Question" } }, contents);

  let drawn = null;

  function show(address, signal) {
    const { image, reference, picture } = address;
    const wanted = JSON.stringify([image, reference, picture]);
    // However the sliders move, the question stays the same.
    if (wanted === drawn) return;
    drawn = image ? null : wanted;
    if (!isAsked(address)) asked.replaceChildren();
    else if (image) showStored(image, signal, wanted);
    else if (picture) showPicture(pictureOf(picture));
    else draw(placeholder(label(reference)), reference);
  }

  const draw = (picture, name, details = []) =>
    asked.replaceChildren(...card(picture, name, details));

  function showPicture(picture) {
    if (!picture) return asked.replaceChildren();
    const image = h("img", { src: picture.url, alt: "The picture asked by" });
    // Chromium shows no HEIC, which workers read.
    image.addEventListener("error", () => image.replaceWith(placeholder(picture.file.name)));
    draw(h("span", { className: "frame" }, image), picture.file.name || "Pasted picture");
  }

  async function showStored(image_id, signal, wanted) {
    try {
      const story = await get(`v1/images/${image_id}`, signal);
      draw(thumbnail(story), label(story.reference, story.metadata), facts(story));
      drawn = wanted;
    } catch {
      // The search tells what is wrong with this image.
      if (!signal.aborted) draw(placeholder(`image ${image_id}`), "");
    }
  }

  return { element, show };
}

function card(picture, name, details) {
  return [
    h("h2", { className: "eyebrow" }, "Asked by"),
    picture,
    h("p", { className: "asked-name" }, name),
    details.length ? h("dl", { className: "facts" }, details) : "",
  ];
}

function facts(story) {
  const rows = [
    ["Image", `${story.image_id}`],
    ["Collection", story.collection],
    story.reference.startsWith("upload:") ? null : ["Reference", story.reference],
    described(story.metadata) ? ["Metadata", described(story.metadata)] : null,
    story.status && story.status !== "done" ? ["Job", story.error ?? story.status] : null,
    story.tags.length ? ["Tags", story.tags.map((tag) => tag.label).join(", ")] : null,
  ];
  return rows.filter(Boolean).flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)]);
}

function dropZone(picked, named) {
  const accept = "image/*,.heic,.heif";
  const input = h("input", { type: "file", id: "picture", accept, className: "unseen" });
  input.addEventListener("change", () => {
    picked([...input.files]);
    input.value = "";
  });
  const url = h("input", {
    id: "url",
    type: "url",
    required: true,
    placeholder: "https://…",
    autocomplete: "off",
    aria: { label: "Search by the picture at this URL" },
  });
  const byUrl = (event) => {
    event.preventDefault();
    named(url.value.trim());
  };
  const submit = h("button", { className: "quiet" }, "By URL");
  return h(
    "div",
    { className: "drop" },
    h("p", { className: "drop-title" }, "Find what looks like it"),
    input,
    h("label", { htmlFor: "picture", className: "button primary" }, "Choose a picture"),
    h("p", { className: "faint" }, "or drop one anywhere, or paste one"),
    h("form", { className: "row", onsubmit: byUrl }, url, submit),
  );
}
