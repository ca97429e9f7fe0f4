// The API key: asked for when the API wants one, kept while the tab is open.

const STORED = "lookalike.key";

let asking = null;

export const key = () => sessionStorage.getItem(STORED);

/** Ask for a key, once for all who wait; false where the reader will not give any.
 *
 * `used` is the key that was refused: whoever comes late, after another was given, goes on with it.
 */
export function askForKey(why, used) {
  if (key() && key() !== used) return Promise.resolve(true);
  asking ??= opened(why).finally(() => (asking = null));
  return asking;
}

export function offerForgetting() {
  const button = document.getElementById("forget-key");
  button.hidden = !key();
  button.onclick = () => {
    sessionStorage.removeItem(STORED);
    location.reload();
  };
}

function opened(why) {
  const dialog = document.getElementById("key-dialog");
  const input = document.getElementById("key");
  document.getElementById("key-why").textContent = why;
  input.value = "";
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = () => resolve(kept(dialog.returnValue, input));
    dialog.addEventListener("close", closed, { once: true });
  });
}

function kept(answer, input) {
  const given = input.value.trim();
  input.value = "";
  if (answer !== "use" || !given) return false;
  sessionStorage.setItem(STORED, given);
  offerForgetting();
  return true;
}
