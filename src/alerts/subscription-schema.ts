import { builder, typeNamed } from '../graph/builder.ts';
import { DomainError } from '../errors.ts';
import { openAlertEvents, MAX_STREAMS } from './stream.ts';

builder.subscriptionField('alertEvents', (t) =>
  t.field({
    type: typeNamed('AlertEvent'),
    access: 'company:read',
    cost: 10,
    description: `Events of the caller's own alerts, each as it is stored. At most ${MAX_STREAMS} streams of a company are open at a time.`,
    subscribe: (_, __, ctx) => openAlertEvents(ctx),
    resolve: (found) => {
      // The last word of a stream that was ended.
      if (found instanceof DomainError) throw found;
      return found as never;
    },
  }),
);
