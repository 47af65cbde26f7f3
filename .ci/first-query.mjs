// What a newcomer does by hand: wait until the gateway is ready, then send it a first query.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [verb, port, ...rest] = process.argv.slice(2);
const base = `http://127.0.0.1:${port}`;

const isAlive = (pid) => {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
};

async function ready(pid) {
  const begun = Date.now();
  while (Date.now() - begun < 120_000 && isAlive(pid)) {
    const response = await fetch(`${base}/ready`).catch(() => null);
    if (response?.status === 200) return console.log(`ready after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    await sleep(100);
  }
  throw new Error(isAlive(pid) ? 'not ready within two minutes' : 'the start ended early');
}

async function ask(key, file) {
  const response = await fetch(`${base}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key.trim().split(/\s+/).at(-1) },
    body: JSON.stringify({ query: readFileSync(file, 'utf8') }),
  });
  const { data, errors } = await response.json();
  if (response.status !== 200 || errors || !data || Object.values(data).every((value) => value === null)) {
    throw new Error(`${file}: HTTP ${response.status} ${JSON.stringify({ data, errors }).slice(0, 2000)}`);
  }
  console.log(`${file}: ${JSON.stringify(data).length} bytes, ${JSON.stringify(data).slice(0, 160)}…`);
}

try {
  await { ready, ask }[verb](...rest);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
