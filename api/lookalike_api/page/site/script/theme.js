// Light, dark, or as the system says. A classic script in the head: before the first paint.
"use strict";

(() => {
  const STORED = "lookalike.theme";
  const ORDER = ["system", "light", "dark"];
  let theme = "system";

  const apply = () => {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${theme}`;
  };

  const take = (stored) => {
    theme = ORDER.includes(stored) ? stored : "system";
    apply();
  };

  take(localStorage.getItem(STORED));
  // Another tab's switch is this one's too.
  window.addEventListener("storage", ({ key, newValue }) => {
    if (key === STORED) take(newValue);
  });
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
      localStorage.setItem(STORED, theme);
      apply();
    });
  });
})();
