// Around the page: a link that skips the navigation, the first thing that Tab reaches, and names that Streamlit leaves out.
const STYLE = `
#memlab-skip { position: fixed; left: 0.5rem; top: -4rem; z-index: 2000000; padding: 0.5rem 1rem; border-radius: 0.5rem;
  background: #16202e; color: #fff; font: 600 1rem sans-serif; text-decoration: none; }
#memlab-skip:focus { top: 0.5rem; outline: 3px solid #fff; outline-offset: -5px; }
[data-testid="stCaptionContainer"] { color: inherit !important; opacity: 0.85 !important; }
kbd[aria-label^="Shortcut"] { color: inherit !important; opacity: 1 !important; }
[data-variant="segmented_control"][data-selected="true"] { color: light-dark(#1A5FAB, #8DBBF5) !important; }
[data-testid="stSliderThumbValue"] { color: light-dark(#1A5FAB, #8DBBF5) !important }
[data-testid="stPlotlyChart"] text[style*="rgb(128, 132, 149)"] { fill: currentcolor !important } /* Streamlit's gray: 3.7:1 */
.st-key-bar-hidden { display: none !important; }
.st-key-bar-present-place { min-height: 2.55rem; }
.st-key-ask-mixture { min-height: 40rem; }
.st-key-ask-fix-why { min-height: 8.2rem; } /* the longest reason, on a phone */
.st-key-shell { position: absolute; height: 0; overflow: hidden; }
@media (min-width: 1200px) { [data-testid="stMainBlockContainer"] .st-key-ask-fix-why { min-height: 1.6rem; } }
@media (min-width: 768px) {
  [data-testid="stMainBlockContainer"] { padding-left: 2.5rem; padding-right: 2.5rem; }
  .st-key-ask-fix-why { min-height: 3.2rem; }
  .st-key-ask-mixture { min-height: 27.5rem; } /* what is below the answer does not move when it is drawn */
}
`

function skipLink(text) {
  if (document.getElementById("memlab-skip")) return
  const style = document.createElement("style"), link = document.createElement("a")
  style.textContent = STYLE
  link.id = "memlab-skip"
  link.href = "#stMain"
  link.textContent = text
  link.onclick = event => {
    event.preventDefault() // the address stays as it is
    const main = document.querySelector('[data-testid="stMain"]')
    main.tabIndex = -1
    main.focus()
  }
  document.head.append(style)
  document.body.prepend(link)
}

// What Streamlit leaves out: the target of the skip link; on a phone, the role of a list for each group of pages.
function roles() {
  const page = document.querySelector('[data-testid="stMain"]:not([id])')
  if (page) page.id = "stMain"
  const pages = document.querySelector('[data-testid="stSidebarNavItems"]')
  if (!pages) return
  pages.setAttribute("role", "presentation")
  for (const group of pages.querySelectorAll(":scope > div")) group.setAttribute("role", "list")
}

// Focuses the field of the Find dialog as soon as it is there; follows the link of `follow_to`.
function onceThere() {
  const link = document.querySelector(".st-key-follow a:not([data-followed])")
  if (link) {
    link.dataset.followed = "1"
    link.click()
    history.pushState({}, "", link.href) // Streamlit keeps the address if the link leads to the same page
  }
  const field = document.querySelector('[role="dialog"] .st-key-finder-found input:not([data-focused])')
  if (field) {
    field.dataset.focused = "1"
    field.focus()
  }
}

function watch() {
  if (window.memlabWatch) return
  window.memlabWatch = new MutationObserver(() => {
    roles()
    onceThere()
  })
  window.memlabWatch.observe(document.body, { childList: true, subtree: true })
  roles()
}

// A change of the address without an action of the user completes or corrects the previous one (settings carried over,
// a default left out, the path set after its parameters), so it is not a step of the browser's Back.
function oneStepForEachAction() {
  if (window.memlabSteps) return
  let acted = false
  window.memlabSteps = event => { if (!event.altKey) acted = true } // Alt with an arrow is the browser's own Back
  for (const kind of ["pointerdown", "keydown", "click"]) window.addEventListener(kind, window.memlabSteps, true)
  const push = history.pushState.bind(history)
  history.pushState = (state, title, url) => {
    if (!acted) return history.replaceState(state, title, url)
    acted = false
    return push(state, title, url)
  }
}

export default function ({ data }) {
  skipLink(data.skip)
  watch()
  oneStepForEachAction()
  document.documentElement.lang ||= "en"
}
