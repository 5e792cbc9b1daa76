// The strip of tokens: one stop of the Tab key, arrows move within it, click or Enter picks a token.
const shown = new WeakMap()

const tokens = strip => [...strip.querySelectorAll("[data-token]")]

// Scrolls only the strip, to the beginning of a row: scrollIntoView would move the page under the cursor as well.
function reveal(strip, token) {
  const top = token.offsetTop, bottom = top + token.offsetHeight, height = strip.clientHeight
  if (top >= strip.scrollTop && bottom <= strip.scrollTop + height) return
  const row = tokens(strip).find(one => one.offsetTop >= Math.min(top, bottom - height * 0.75))
  strip.scrollTop = row.offsetTop - 4
}

function mark(strip, picked) {
  for (const token of tokens(strip)) {
    const on = token.dataset.token === String(picked)
    token.setAttribute("aria-selected", on)
    token.tabIndex = on ? 0 : -1
    if (on) reveal(strip, token)
  }
  if (!strip.querySelector('[tabindex="0"]') && strip.firstElementChild) strip.firstElementChild.tabIndex = 0
}

export default function ({ data, parentElement, setTriggerValue }) {
  const strip = parentElement.querySelector(".strip")
  if (shown.get(strip) !== data.html) {
    strip.innerHTML = data.html
    strip.scrollTop = 0
    shown.set(strip, data.html)
  }
  strip.setAttribute("aria-label", data.label)
  for (const [name, color] of Object.entries(data.colors)) strip.style.setProperty(`--${name}`, color)
  mark(strip, data.picked)
  const pick = token => {
    mark(strip, token.dataset.token)
    setTriggerValue("picked", Number(token.dataset.token))
  }
  strip.onclick = event => {
    const token = event.target.closest("[data-token]")
    if (token) pick(token)
  }
  strip.onkeydown = event => {
    const all = tokens(strip), at = all.indexOf(event.target)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key]
    if (at >= 0 && (event.key === "Enter" || event.key === " ")) pick(all[at])
    else if (to === undefined || !all[to]) return
    else {
      all[to].focus({ preventScroll: true })
      reveal(strip, all[to])
    }
    event.preventDefault()
  }
}
