// Full screen and the window with the notes; their keys are off while one types in a field.
const typing = element => element.closest && element.closest("input, textarea, select, [contenteditable=true]")

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen()
  else document.documentElement.requestFullscreen().catch(() => {})  // a browser may refuse it
}

export default function ({ data, parentElement }) {
  const notes = () => window.open(data.notes, "memlab-notes", "popup,width=900,height=700")
  parentElement.querySelector(".full").onclick = fullScreen
  parentElement.querySelector(".notes").onclick = notes
  const key = event => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return
    if (event.key === "f" || event.key === "F") fullScreen()
    if (event.key === "n" || event.key === "N") notes()
  }
  document.addEventListener("keydown", key)
  return () => document.removeEventListener("keydown", key)
}
