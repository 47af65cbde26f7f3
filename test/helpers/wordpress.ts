import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';

/** Where Debian's package puts it; its own configuration is left alone. */
const SOURCE = '/usr/share/wordpress';
const START_TIMEOUT_MS = 100_000;
/** What Debian's PHP must not do here: show warnings in the middle of JSON, send mail. */
const QUIET = ['-d', 'display_errors=0', '-d', 'sendmail_path=/bin/true'];

/** People of the site, by login name; each has an application password. */
export type Author = 'ada' | 'bob' | 'cleo';

/** An answer of its REST API, past our adapter. */
export interface Reply {
  status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- compared as it comes
  body: any;
}

/** WordPress on a port of its own: ada administers it, bob is an author, cleo a contributor, who may not publish. */
export interface RealWordPress {
  url: string;
  passwords: Record<Author, string>;
  /** Asks its REST API as ada, `route` below `/wp/v2`. */
  call(method: string, route: string, body?: object): Promise<Reply>;
  /** A page as readers see it. */
  page(url: string): Promise<{ status: number; html: string }>;
  /** Runs PHP inside WordPress. */
  php(code: string): string;
  close(): Promise<void>;
}

const connect = (): Promise<mysql.Connection> =>
  mysql.createConnection({ host: '127.0.0.1', user: 'root', connectTimeout: 3000 });

/** Why the real WordPress cannot run here; null where it can. */
export async function wordPressMissing(): Promise<string | null> {
  if (!existsSync(`${SOURCE}/wp-load.php`)) return `${SOURCE} is missing`;
  if (spawnSync('php', ['-r', 'exit(extension_loaded("mysqli") ? 0 : 1);']).status !== 0)
    return 'php with mysqli is missing';
  try {
    await (await connect()).end();
    return null;
  } catch {
    return 'no MariaDB lets root in on 127.0.0.1:3306';
  }
}

const config = (database: string): string => `<?php
define('DB_NAME', '${database}');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_HOST', '127.0.0.1');
define('DB_CHARSET', 'utf8mb4');
define('WP_HOME', 'http://' . ($_SERVER['HTTP_HOST'] ?? '127.0.0.1'));
define('WP_SITEURL', WP_HOME);
define('WP_ENVIRONMENT_TYPE', 'local'); // application passwords over plain http
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('DISABLE_WP_CRON', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
$table_prefix = 'wp_';
define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
`;

const INSTALL = `<?php
define('WP_INSTALLING', true);
require __DIR__ . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Our blog', 'ada', 'ada@example.test', true, '', wp_generate_password());
wp_update_user(['ID' => 1, 'display_name' => 'Ada Lovelace']);
foreach (['bob' => 'author', 'cleo' => 'contributor'] as $login => $role) {
  wp_insert_user(['user_login' => $login, 'user_pass' => wp_generate_password(), 'role' => $role]);
}
switch_theme('plain');
$wp_rewrite->set_permalink_structure('/%postname%/');
flush_rewrite_rules(false);
$passwords = [];
foreach (['ada', 'bob', 'cleo'] as $login) {
  $user = get_user_by('login', $login);
  [$password] = WP_Application_Passwords::create_new_application_password($user->ID, ['name' => 'Gateway']);
  $passwords[$login] = WP_Application_Passwords::chunk_password($password);
}
echo "\\n", json_encode($passwords);
`;

/** Shows the title and the text of a post and nothing else. */
const THEME = '<?php while (have_posts()) { the_post(); echo "<h1>"; the_title(); echo "</h1>"; the_content(); }';

/** WordPress finds its configuration beside its own files: those of the top level are copied, the rest is linked. */
function layOut(dir: string, database: string): void {
  for (const entry of readdirSync(SOURCE, { withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.php'))
      copyFileSync(`${SOURCE}/${entry.name}`, path.join(dir, entry.name));
  }
  for (const name of ['wp-admin', 'wp-includes']) symlinkSync(`${SOURCE}/${name}`, path.join(dir, name));
  const theme = path.join(dir, 'wp-content/themes/plain');
  mkdirSync(theme, { recursive: true });
  writeFileSync(path.join(theme, 'style.css'), '/* Theme Name: Plain */');
  writeFileSync(path.join(theme, 'index.php'), THEME);
  writeFileSync(path.join(dir, 'wp-config.php'), config(database));
  writeFileSync(path.join(dir, 'install.php'), INSTALL);
}

function runPhp(dir: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync('php', [...QUIET, ...args], { cwd: dir, encoding: 'utf8' });
  if (status !== 0) throw new Error(`php ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}

/** Starts PHP's own server on a free port, which it tells; answers the address. */
async function serve(child: ChildProcess): Promise<string> {
  const log: string[] = [];
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`php -S did not start: ${log.join('')}`)), START_TIMEOUT_MS);
    child.once('error', reject).once('exit', () => reject(new Error(`php -S ended: ${log.join('')}`)));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log.splice(0, log.length - 50);
      log.push(text);
      const url = /\((http:\/\/127\.0\.0\.1:[1-9]\d*)\) started/.exec(log.join(''))?.[1];
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}

/** Installs WordPress into a directory and a database of its own and serves it; `close` leaves nothing of it. */
export async function startRealWordPress(): Promise<RealWordPress> {
  const root = await connect();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'gateway-wordpress-'));
  const database = path.basename(dir).replace(/\W/g, '_').toLowerCase();
  let child: ChildProcess | null = null;
  const close = async (): Promise<void> => {
    if (child && child.exitCode === null && child.signalCode === null && child.kill('SIGKILL'))
      await once(child, 'exit');
    rmSync(dir, { recursive: true, force: true });
    await root.query(`drop database if exists ${database}`);
    await root.end();
  };
  try {
    await root.query(`create database ${database} character set utf8mb4`);
    layOut(dir, database);
    const passwords = JSON.parse(runPhp(dir, ['install.php']).split('\n').at(-1) ?? '') as Record<Author, string>;
    child = spawn('php', [...QUIET, '-S', '127.0.0.1:0', '-t', dir], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
    const url = await serve(child);
    const authorization = `Basic ${Buffer.from(`ada:${passwords.ada}`).toString('base64')}`;
    return {
      url,
      passwords,
      async call(method, route, body) {
        const headers = { authorization, 'content-type': 'application/json' };
        const init = body ? { method, headers, body: JSON.stringify(body) } : { method, headers };
        const response = await fetch(`${url}/?rest_route=/wp/v2${route.replace('?', '&')}`, init);
        return { status: response.status, body: await response.json() };
      },
      async page(address) {
        const response = await fetch(address);
        return { status: response.status, html: await response.text() };
      },
      php: (code) => runPhp(dir, ['-r', `require 'wp-load.php'; ${code}`]),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
