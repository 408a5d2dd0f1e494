/** A metric family of the text form of Prometheus. */
export interface Family {
  kind: string
  help: string
  samples: { name: string; labels: Record<string, string>; value: number }[]
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{([^\n]*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/gy

/** A strict parser, written from the description of the format: HELP and TYPE once before all samples of a family. */
export function parsePrometheus(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  let current = ''
  if (!text.endsWith('\n')) throw new Error('no newline at the end')
  for (const line of text.split('\n')) {
    if (line === '') continue
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (comment !== null) {
      const [, word, name, rest] = comment as unknown as string[]
      if (word === 'HELP' && families.has(name!)) throw new Error(`${name} twice`)
      const family = families.get(name!) ?? { kind: '', help: rest!, samples: [] }
      if (word === 'TYPE') family.kind = rest!
      families.set(name!, family)
      current = name!
      continue
    }
    const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
    const family = families.get(current)
    if (family === undefined || !name.startsWith(current)) throw new Error(`a sample outside of its family: ${line}`)
    LABEL.lastIndex = 0
    const pairs = [...labels.matchAll(LABEL)]
    if (pairs.map(pair => pair[0]).join('') !== labels) throw new Error(`labels of ${line}`)
    if (Number.isNaN(Number(value))) throw new Error(`value of ${line}`)
    family.samples.push({
      name,
      labels: Object.fromEntries(pairs.map(pair => [pair[1]!, pair[2]!])),
      value: Number(value)
    })
  }
  return families
}
