import { CronExpressionParser } from 'cron-parser';
import { DomainError } from '../errors.ts';
import type { Parameter } from './params.ts';

/** When a schedule is next due after an instant, in UTC; null where it is none of five fields, or never is due. */
export function nextOf(schedule: string, after: Date): Date | null {
  if (schedule.trim().split(/\s+/).length !== 5) return null;
  try {
    return CronExpressionParser.parse(schedule, { currentDate: after, tz: 'UTC' }).next().toDate();
  } catch {
    return null;
  }
}

/**
 * When an asset with this schedule is next refreshed: nobody is there then to give parameters.
 * @throws DomainError VALIDATION for what is no cron expression, and for parameters that need to be given
 */
export function firstRunOf(schedule: string, parameters: Parameter[], now: Date): Date {
  const refuse = (message: string): never => {
    throw new DomainError('VALIDATION', message, { path: ['input', 'schedule'] });
  };
  const missing = parameters.filter(({ isRequired, defaultValue }) => isRequired && defaultValue === null);
  if (missing.length > 0)
    refuse(
      `A scheduled refresh runs with the defaults: give ${missing.map(({ name }) => `:${name}`).join(', ')} a default, or take the schedule away.`,
    );
  return (
    nextOf(schedule, now) ??
    refuse('Five fields of a cron expression in UTC: minute, hour, day, month, weekday, such as `0 * * * *`.')
  );
}
