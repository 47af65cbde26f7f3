import type { Redis } from './limit-store.ts';
import { KEPT_SLOTS, type WindowStore } from './windows.ts';

/** A hash a scope: the uses of each slot. The newest slot is there also where it has none, so that it never goes back. */
const TAKE = `
local slot, used = tonumber(ARGV[1]), 0
local uses = redis.call('HGETALL', KEYS[1])
for i = 1, #uses, 2 do slot = math.max(slot, tonumber(uses[i])) end
for i = 1, #uses, 2 do
  if tonumber(uses[i]) > slot - ${KEPT_SLOTS} then used = used + tonumber(uses[i + 1])
  else redis.call('HDEL', KEYS[1], uses[i]) end
end
local taken = used < tonumber(ARGV[2]) and 1 or 0
redis.call('HINCRBY', KEYS[1], string.format('%.0f', slot), taken)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {taken, slot, redis.call('HGETALL', KEYS[1])}`;
const GIVE_BACK = `
if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) > 0 then redis.call('HINCRBY', KEYS[1], ARGV[1], -1) end`;

/** Windows in Redis, which forgets them by itself. */
export function redisWindows(redis: Redis): WindowStore {
  const run = (script: string, scope: string, ...values: number[]): Promise<unknown> =>
    redis.eval(script, { keys: [`spartera:product:${scope}`], arguments: values.map(String) });
  return {
    async take(scope, { slot: asked, number, keepMs }) {
      const [taken, slot, uses] = (await run(TAKE, scope, asked, number, keepMs)) as [number, number, string[]];
      const counts: number[] = [];
      for (let i = 0; i < uses.length; i += 2) counts[slot - Number(uses[i])] = Number(uses[i + 1]);
      return { isTaken: taken === 1, slot, counts };
    },
    async giveBack(scope, slot) {
      await run(GIVE_BACK, scope, slot);
    },
  };
}
