import net from 'node:net';
import type { AddressInfo } from 'node:net';

/** PostgreSQL in the clothes of Redshift: it calls itself 8.0.2 and knows not what Redshift does not know. */
export interface RedshiftProxy {
  port: number;
  /** What clients sent. */
  seen(): string;
  close(): Promise<void>;
}

/** Redshift's own views of its catalogue, as its documentation has them, out of PostgreSQL's. */
export const REDSHIFT_VIEWS = `CREATE VIEW public.svv_tables AS SELECT table_catalog::text, table_schema::text, table_name::text, table_type::text
    FROM information_schema.tables WHERE table_schema <> 'public';
  CREATE VIEW public.svv_columns AS SELECT table_schema::text, table_name::text, column_name::text, ordinal_position::int,
    is_nullable::text, data_type::text, character_maximum_length::int, numeric_precision::int, numeric_scale::int
    FROM information_schema.columns;`;

/** Parameters, statements, columns, tables and functions that Redshift answers with an error, the error of a wrong name. */
const UNKNOWN =
  /lock_timeout|idle_in_transaction_session_timeout|standard_conforming_strings|bytea_output|DISCARD|FORMAT JSON|COLLATE "C"|relispartition|pg_roles|json_array_elements_text|has_any_column_privilege|TABLESAMPLE/g;
/** ParameterStatus of the version, its length set to that of the version that it gets. */
const STATUS = /S[^]{4}server_version\0[^\0]*\0/;
const OLD = `S\0\0\0\x19server_version\x008.0.2\0`;

/** Opens one before PostgreSQL on 127.0.0.1:5432. */
export async function openRedshiftProxy(): Promise<RedshiftProxy> {
  const sockets = new Set<net.Socket>();
  let seen = '';
  const proxy = net.createServer((client) => {
    const upstream = net.connect({ host: '127.0.0.1', port: 5432 });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('data', (data) => {
      const text = (data as Buffer).toString('latin1');
      seen += text;
      // As long as before, so that the lengths in the message still hold.
      upstream.write(
        Buffer.from(
          text.replace(UNKNOWN, (word) => `${word.slice(0, -1)}~`),
          'latin1',
        ),
      );
    });
    upstream.on('data', (data) =>
      client.write(Buffer.from((data as Buffer).toString('latin1').replace(STATUS, OLD), 'latin1')),
    );
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    seen: () => seen,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
