// The theme a reader chose: auto, light or dark. Loaded in the head without defer, so that it is set before the
// first paint; this is why it is a file of its own. Pico reads data-theme, board.css data-theme-choice.
(() => {
  const THEMES = ["auto", "light", "dark"];
  const KEY = "tidewire-theme";
  const root = document.documentElement;

  /** @returns {string} the remembered theme; `auto` where nothing, or nonsense, or no storage is there */
  function remembered() {
    try {
      const theme = localStorage.getItem(KEY);
      return THEMES.includes(theme) ? theme : "auto";
    } catch {
      return "auto";
    }
  }

  /** @param {string} theme */
  function show(theme) {
    root.dataset.themeChoice = theme;
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
  }

  /** @param {string} theme */
  function choose(theme) {
    show(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // without storage it lasts as long as the page
    }
  }

  show(remembered());
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-button]")) return;
    choose(THEMES[(THEMES.indexOf(root.dataset.themeChoice) + 1) % THEMES.length]);
  });
  addEventListener("storage", (event) => {
    if (event.key === KEY) show(remembered()); // another tab chose
  });
})();
