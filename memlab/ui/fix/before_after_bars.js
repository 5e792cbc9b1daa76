// Bars that move from their value before a change to the one after it; a dashed line marks where they were.
const share = p => (p > 0 && p < 0.005 ? "<0.01" : p.toFixed(2))
const seen = new WeakMap()

function make(tag, kind, ...inner) {
  const made = document.createElement(tag)
  if (kind) made.className = kind
  made.append(...inner)
  return made
}

function cell(side, before, after) {
  const bar = make("div", "bar"), was = make("div", "was")
  bar.style.width = `${100 * before}%`
  was.style.left = `${100 * before}%`
  const moved = Math.abs(after - before) >= 0.005
  const said = make("div", moved ? "p moved" : "p", moved ? `${share(before)} → ${share(after)}` : share(after))
  return [make("td", side, make("div", "track", bar, was), said), () => (bar.style.width = `${100 * after}%`)]
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".moving"), content = JSON.stringify(data)
  if (seen.get(root) === content) return
  seen.set(root, content)
  root.querySelector("caption").textContent = data.caption
  const head = make("tr", "", make("td", ""))
  data.sides.forEach(side => {
    const title = make("th", side.kind, side.title)
    title.scope = "col"
    head.append(title)
  })
  root.querySelector("thead").replaceChildren(head)
  const moves = []
  const rows = data.words.map((word, n) => {
    const name = make("th", "", word)
    name.scope = "row"
    if (data.right[n]) {
      const mark = make("span", "mark right", "✓")
      mark.setAttribute("role", "img")
      mark.setAttribute("aria-label", "right")
      name.append(mark)
    }
    const row = make("tr", "", name)
    data.sides.forEach(side => {
      const [made, move] = cell(side.kind, side.before[n], side.after[n])
      row.append(made)
      moves.push(move)
    })
    return row
  })
  root.querySelector("tbody").replaceChildren(...rows)
  requestAnimationFrame(() => requestAnimationFrame(() => moves.forEach(move => move())))
}
