import { builder, type ModelRow } from '../graph/builder.ts';
import type { CredentialType as CredentialTypeName } from '../generated/prisma/client.ts';
import { CredentialType } from '../graph/product-enums.ts';
import { settingFields, type SettingField } from './credentials.ts';

interface CredentialShape {
  type: CredentialTypeName;
  fields: (SettingField & { isSecret: boolean })[];
}

const Kind = builder.enumType('ConnectionFieldKind', {
  description: 'What a value of a connection looks like.',
  values: {
    TEXT: { description: 'Text.' },
    NUMBER: { description: 'A number.' },
    BOOLEAN: { description: 'true or false.' },
    LIST: { description: 'A list of objects, as the description of `settings` says.' },
  },
});
const Field = builder.objectRef<CredentialShape['fields'][number]>('ConnectionField').implement({
  description: 'A value that a connection takes in `credentials`, or in `settings` where it is not secret.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    kind: t.field({ type: Kind, description: 'What it looks like.', resolve: ({ kind }) => kind }),
    isRequired: t.exposeBoolean('isRequired', { description: 'Whether it must be given.' }),
    isSecret: t.exposeBoolean('isSecret', { description: 'Whether it is sealed and never read again.' }),
    allowedValues: t.exposeStringList('allowedValues', {
      description: 'The only values it takes, at most 10; empty for any.',
    }),
  }),
});
const Shape = builder.objectRef<CredentialShape>('CredentialShape').implement({
  description: 'What an engine takes with one kind of credentials.',
  fields: (t) => ({
    credentialType: t.field({ type: CredentialType, description: 'How it signs in.', resolve: ({ type }) => type }),
    fields: t.field({
      type: [Field],
      description: 'The values it takes, at most 30.',
      resolve: ({ fields }) => fields,
    }),
  }),
});

builder.prismaObjectField('StorageEngine', 'credentialShapes', (t) =>
  t.field({
    type: [Shape],
    description:
      'What a connection takes, for each kind of credentials: at most 10, the usual one first; empty where the engine is not available.',
    resolve: ({ driver, credentialTypes }: ModelRow<'StorageEngine'>, _, { app }): CredentialShape[] => {
      if (driver === null || !app.engines.has(driver)) return [];
      const secrets = app.engines.get(driver).secretSettings;
      return (credentialTypes as CredentialTypeName[]).map((type) => ({
        type,
        fields: settingFields(driver, type).map((field) => ({ ...field, isSecret: secrets.includes(field.name) })),
      }));
    },
  }),
);
