// An answer that follows its slider: every number is computed here from the two sides of the mixture. Once the slider
// rests, its value goes to the server, and the rest of the page follows.
const REST = 300 // milliseconds without a movement
const VALUE = "\u0001", ANSWER = "\u0002" // in texts: the gate's value, and the first word
const panels = new WeakMap()

const two = x => (Math.abs(Math.round(x * 100) / 100 - x) < 5e-4 ? x.toFixed(2) : x.toFixed(3))
const share = p => (p > 0 && p < 0.005 ? "<0.01" : p.toFixed(2))

// Probabilities of one column: a third decimal where two different ones would print the same.
function shares(values) {
  const texts = values.map(share)
  return texts.map((text, n) =>
    values[n] >= 0.005 && texts.some((other, m) => other === text && values[m] !== values[n])
      ? values[n].toFixed(3) : text)
}

// Probability of a word at a stop of the gate: linear in lambda, or geometric in g with the norm of that stop.
function probability(d, i, stop) {
  const s = d.stops[stop], lm = d.lm[i], knn = d.knn[i]
  if (d.mixes !== "vectors") return s * knn + (1 - s) * lm
  if (s === 0) return d.added[i] + d.scale * knn
  if (s === 1) return d.added[i] + d.scale * lm
  if (!(lm > 0 && knn > 0)) return d.added[i]
  return d.added[i] + d.scale * Math.exp((1 - s) * Math.log(knn) + s * Math.log(lm) - d.norms[stop])
}

function make(tag, kind, ...inner) {
  const made = document.createElement(tag)
  if (kind) made.className = kind
  made.append(...inner)
  return made
}

const chip = (kind, text) => make("span", `chip ${kind}`, text)

function mark(right) {
  const said = make("span", right ? "mark right" : "mark wrong", right ? "✓" : "✗")
  said.setAttribute("role", "img")
  said.setAttribute("aria-label", right ? "right" : "wrong")
  return said
}

const isRight = (d, i) => d.verdict.right.includes(i)

// The table of bars: a row for each word, a column for each side. Returns the cells that move.
function table(root, d) {
  const head = make("tr", "", make("td", ""))
  const titles = d.panels.map(side => {
    const title = make("th", side.kind, side.title)
    title.scope = "col"
    head.append(title)
    return title
  })
  const firsts = [d.firstModel, d.firstMemory]
  if (d.verdict) d.panels.slice(0, -1).forEach((side, n) => titles[n].append(" ", mark(isRight(d, firsts[n]))))
  const cells = []
  const rows = d.shown.map(i => {
    const name = make("th", "word", d.labels[i])
    name.scope = "row"
    name.title = d.words[i]
    if (d.verdict && isRight(d, i)) name.append(" ", make("small", "expected", "expected"))
    const row = make("tr", "", name)
    cells.push(d.panels.map(side => {
      const bar = make("i", ""), number = make("span", "number")
      row.append(make("td", `bar ${side.kind}`, make("div", "", bar, number)))
      return { bar, number }
    }))
    return row
  })
  root.querySelector("thead").replaceChildren(head)
  root.querySelector("tbody").replaceChildren(...rows)
  root.querySelector("caption").textContent = d.caption
  root.querySelector("table").style.setProperty("--sides", d.panels.length)
  d.panels.slice(0, -1).forEach((side, column) => {
    fill(d, cells, column, d.shown.map(i => (column === 0 ? d.lm : d.knn)[i]), firsts[column])
  })
  return { cells, title: titles.at(-1) }
}

function fill(d, cells, column, values, first) {
  const texts = shares(values)
  values.forEach((value, row) => {
    const { bar, number } = cells[row][column]
    bar.style.setProperty("--p", value.toFixed(4))
    bar.classList.toggle("first", d.shown[row] === first)
    if (number.textContent !== texts[row]) number.textContent = texts[row]
  })
}

// One line of the formula: the word, and its numbers.
function line(d, i, stop, text) {
  const s = d.stops[stop], mixed = chip("mixture strong", text)
  const memory = chip("memory", share(d.mixes === "vectors" ? probability(d, i, 0) : d.knn[i]))
  const model = chip("model", share(d.mixes === "vectors" ? probability(d, i, d.stops.length - 1) : d.lm[i]))
  const word = make("b", "", d.labels[i])
  if (d.mixes === "vectors") {
    const at = (value, what) => make("span", "at", make("small", "", `${d.symbol} = ${value}: `), what)
    return make("div", "line", word, at("0", memory), at(two(s), mixed), at("1", model))
  }
  return make("div", "line", word, `${two(s)} × `, memory, ` + ${two(1 - s)} × `, model, " = ", mixed)
}

function complete(text, d, stop) {
  return text.replaceAll(VALUE, two(d.stops[stop])).replaceAll(ANSWER, d.words[d.first[stop]])
}

// Everything that depends on the gate.
function draw(panel) {
  const { d, stop, part, moving } = panel, first = d.first[stop], p = probability(d, first, stop)
  part.word.textContent = d.labels[first]
  part.p.textContent = `p = ${p.toFixed(2)}`
  fill(d, moving.cells, d.panels.length - 1, d.shown.map(i => probability(d, i, stop)), first)
  moving.title.firstChild.textContent = complete(stop === d.at || !d.otherwise ? d.panels.at(-1).title : d.otherwise, d, stop)
  if (d.verdict) verdict(panel, first)
  if (d.mixes === "nothing") return
  const other = [d.firstModel, d.firstMemory].find(i => i !== first)
  const words = [first, other].filter(i => i !== undefined), texts = shares(words.map(i => probability(d, i, stop)))
  part.lines.replaceChildren(...words.map((i, n) => line(d, i, stop, texts[n])))
  const past = d.tipping.start !== null && d.stops[stop] >= d.tipping.start
  part.tipping.textContent = complete(past ? d.tipping.above : d.tipping.below, d, stop)
  part.slider.style.setProperty("--fill", `calc(0.6rem + (100% - 1.2rem) * ${stop / (d.stops.length - 1)})`)
  part.value.textContent = two(d.stops[stop])
  part.slider.setAttribute("aria-valuetext", `${two(d.stops[stop])}: ${d.words[first]}, p = ${p.toFixed(2)}`)
  part.back.hidden = d.settable || stop === d.at
}

// All sentences are stacked and one is visible: the longest sets the height, so that nothing below moves.
function verdictLines({ d, part }) {
  part.verdict.replaceChildren(...Object.entries(d.verdict.texts).map(([name, text]) => {
    const said = make("span", "", mark(name.endsWith("true")), ` ${text}`)
    said.dataset.name = name
    return said
  }))
}

function verdict(panel, first) {
  const { d, part, moving } = panel, right = isRight(d, first)
  const name = d.mixes === "nothing" ? String(right) : `${isRight(d, d.firstModel)},${right}`
  if (panel.verdict === name) return
  panel.verdict = name
  part.sign.replaceChildren(mark(right))
  for (const said of part.verdict.children) said.classList.toggle("now", said.dataset.name === name)
  moving.title.querySelector(".mark")?.remove()
  moving.title.append(mark(right))
}

// One frame: draws once for all movements since the last one, and records how long it took.
function frame(panel) {
  panel.asked = 0
  const start = performance.now()
  draw(panel)
  performance.measure("memlab-mixture", { start, end: performance.now() })
  if (performance.getEntriesByName("memlab-mixture").length > 2000) performance.clearMeasures("memlab-mixture")
}

function move(panel, stop) {
  panel.stop = stop
  panel.asked ||= requestAnimationFrame(() => frame(panel))
  clearTimeout(panel.rest)
  panel.rest = panel.d.settable ? setTimeout(() => settle(panel), REST) : 0
}

function settle(panel) {
  panel.rest = 0
  if (panel.part.root.isConnected && panel.d.stops[panel.stop] !== panel.d.stops[panel.d.at]) panel.send("settled", panel.d.stops[panel.stop])
}

function begin(root) {
  const part = Object.fromEntries([...root.querySelectorAll("[data-part]")].map(e => [e.dataset.part, e]))
  part.root = root
  const panel = { part, rest: 0, asked: 0, stop: 0 }
  part.slider.oninput = () => move(panel, Number(part.slider.value))
  part.back.onclick = () => {
    part.slider.value = panel.d.at
    move(panel, panel.d.at)
    part.slider.focus()
  }
  return panel
}

const nearest = (stops, value) => stops.reduce((best, s, n) => (Math.abs(s - value) < Math.abs(stops[best] - value) ? n : best), 0)

// Draws what only a new answer changes. While the slider is moving, its value is kept.
function show(panel, d) {
  const { part } = panel, kept = panel.rest && panel.d ? panel.d.stops[panel.stop] : null
  panel.d = d
  panel.stop = kept === null ? d.at : nearest(d.stops, kept)
  panel.moving = table(part.root, d)
  part.root.classList.toggle("large", d.large)
  part.left.textContent = d.left
  part.right.textContent = d.right
  part.verdict.hidden = !d.verdict
  part.sign.replaceChildren()
  panel.verdict = null
  if (d.verdict) verdictLines(panel)
  const still = d.mixes === "nothing"
  part.control.hidden = part.formula.hidden = part.under.hidden = still
  if (still) return draw(panel)
  part.label.textContent = d.label
  part.note.textContent = d.note
  part.back.textContent = d.back
  part.slider.max = d.stops.length - 1
  part.slider.value = panel.stop
  part.slider.setAttribute("aria-label", d.label)
  part.tip.hidden = d.tipping.start === null
  part.tip.style.setProperty("--at", nearest(d.stops, d.tipping.start ?? 0) / (d.stops.length - 1))
  part.formula.replaceChildren(...d.head.map(([kind, text]) => (kind ? chip(kind, text) : text)))
  draw(panel)
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".answer")
  if (!panels.has(root)) panels.set(root, begin(root))
  const panel = panels.get(root)
  panel.send = setTriggerValue
  show(panel, data)
  root.classList.add("drawn")
}
