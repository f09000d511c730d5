// As measure.py, for the engines that run on Node: the same rounds, the same figures, one JSON line per row.

import { readFileSync } from 'node:fs'

const SECONDS = 0.14
const ROUNDS = 7

const cpu = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}

const resident = () => {
  globalThis.gc?.()
  return process.memoryUsage().rss
}

const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** CPU microseconds for one pass, the loop included. */
async function spend(engine, pairs) {
  const start = cpu()
  if (engine.answersLater) {
    for (const [request, subject] of pairs) await engine.decide(request, subject)
  } else {
    for (const [request, subject] of pairs) engine.decide(request, subject)
  }
  return cpu() - start
}

/** CPU microseconds per decision, after half a second for the compiler to warm to it. */
async function timeOf(engine, pairs) {
  const few = pairs.slice(0, 200)
  let passes = 0
  let passed = 0
  while (passed < 5e5) {
    passed += await spend(engine, few)
    passes += 1
  }
  let count = Math.max(1, Math.floor((SECONDS * 1e6) / (passed / passes / few.length)))
  if (pairs.length <= 100) count = Math.max(1, Math.round(count / pairs.length)) * pairs.length
  const samples = []
  let next = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const chunk = Array.from({ length: count }, (_, index) => pairs[(next + index) % pairs.length])
    next += count
    samples.push((await spend(engine, chunk)) / count)
  }
  return median(samples)
}

async function measureRow(engine, given, row) {
  const asked = row.principals.flatMap((who) =>
    who.questions.map((question) => [engine.request(question, who, given), question.allowed]),
  )
  const before = resident()
  const start = cpu()
  const subjects = engine.subjects(row, given.documents)
  const built = cpu() - start
  const ofEach = row.principals.flatMap((who, index) => who.questions.map(() => subjects[index]))
  const pairs = asked.map(([request], index) => [request, ofEach[index]])
  let right = 0
  for (const [index, [request, subject]] of pairs.entries()) {
    if (engine.isAllowed(await engine.decide(request, subject)) === asked[index][1]) right += 1
  }
  const kept = resident() - before
  return {
    row: row.row,
    microseconds: await timeOf(engine, pairs),
    right,
    asked: pairs.length,
    build_seconds: built / 1e6,
    mebibytes: Math.max(0, kept / 2 ** 20), // a collected heap may have shrunk
  }
}

/** CPU milliseconds to read and compile one document never seen before, by document. */
function compiling(engine, given) {
  const spent = { row: 'compile' }
  for (const [label, name] of Object.entries(given.compile)) {
    const samples = []
    for (let number = 0; number < 120; number += 1) {
      const text = given.documents[name].cedar
        .replaceAll('AWSAppRunnerManaged', `Managed${number}`)
        .replaceAll('svc0', `svc${number}x`)
      const start = cpu()
      engine.compileText(text)
      samples.push((cpu() - start) / 1e3)
    }
    spent[label] = median(samples)
  }
  return spent
}

/** Measure `engine` with the questions in the file named last on the command line. */
export async function main(engine) {
  const given = JSON.parse(readFileSync(process.argv.at(-1), 'utf8'))
  console.log(JSON.stringify({ version: engine.version }))
  for (const row of given.rows) {
    const unserved = engine.unserved[row.row]
    const figures = unserved ? { row: row.row, unserved } : await measureRow(engine, given, row)
    console.log(JSON.stringify(figures))
  }
  const unserved = engine.unserved.compile
  console.log(JSON.stringify(unserved ? { row: 'compile', unserved } : compiling(engine, given)))
}

/** The version of an installed package. */
export const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
