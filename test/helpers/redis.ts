import { answers } from './answers.ts';

const given = process.env['TEST_REDIS_URL'];

/** The Redis of the tests: that of TEST_REDIS_URL, or the one of this machine. */
export const redisUrl = given ?? 'redis://127.0.0.1:6379';
/** Whether there is one. One that was named has to be there. */
export const hasRedis = given !== undefined || (await answers(6379));
if (!hasRedis) {
  if (process.env['CI'] === 'true') throw new Error('CI must offer Redis on 127.0.0.1:6379.');
  process.stderr.write(
    'Left out: rate limits in Redis. There is none on 127.0.0.1:6379, and TEST_REDIS_URL names none.\n',
  );
}
/** What the tests that need it say of that. */
export const NEEDS_REDIS = 'needs one on 127.0.0.1:6379 or TEST_REDIS_URL';
