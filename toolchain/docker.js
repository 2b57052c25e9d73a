import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { spawn } from "node:child_process";
import http from "node:http";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { asRoot, installPackages } from "./apt.js";
import { run, which } from "./run.js";

/** @typedef {import("./report.js").Report} Report */

/** How long a daemon may take until it answers, in milliseconds, when a service manager says that it started it. */
const SERVICE_TIMEOUT = 20_000;

/** The same for a daemon started here; nothing else can be tried after it. */
const DAEMON_TIMEOUT = 60_000;

/** Where Docker's own daemon listens. */
const DEFAULT_SOCKET = "/var/run/docker.sock";

/**
 * The socket of a Docker engine on this machine.
 *
 * @param {string} host - such as "unix:///var/run/docker.sock"
 * @returns {string | undefined} nothing for an engine that is reached in another way, as another machine's is
 */
export function localSocket(host) {
  return host.startsWith("unix://") ? host.slice("unix://".length) : undefined;
}

/**
 * What an engine says behind its socket.
 *
 * @typedef {"answers" | "not running" | "not permitted"} EngineState
 *
 * @param {string} socket
 * @returns {Promise<EngineState>}
 */
export function engineState(socket) {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath: socket, path: "/_ping", timeout: 10_000 }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve("answers");
      else reject(new Error(`The Docker daemon at ${socket} answers with HTTP status ${response.statusCode}.`));
    });
    request.on("timeout", () =>
      request.destroy(new Error(`The Docker daemon at ${socket} does not answer within 10 s.`)),
    );
    request.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === "ENOENT" || error.code === "ECONNREFUSED") resolve("not running");
      else if (error.code === "EACCES" || error.code === "EPERM") resolve("not permitted");
      else reject(error);
    });
  });
}

/**
 * Says what to do where the daemon runs but the user may not talk to it.
 *
 * @param {string} socket
 * @param {string} user
 * @returns {string}
 */
export function notPermitted(socket, user) {
  return (
    `The Docker daemon runs, but ${user} may not talk to it (${socket}): ${user} is not in the group that owns the socket.` +
    ` Type: sudo usermod -aG docker ${user}\nThen log out and in again (or type: newgrp docker). Caution: who is in the` +
    " group docker has the rights of root."
  );
}

/**
 * Makes sure that the Docker engine answers: on Debian and Ubuntu installs and starts it where the user may. An engine of
 * another machine is left alone.
 *
 * @param {object} options
 * @param {string} options.host - the engine's URL
 * @param {string} options.cache - where the log of a daemon that is started without a service manager is kept
 * @param {Report} options.report
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<void>}
 * @throws where the user may not do it: says which of the causes it is, and what to type
 */
export async function ensureDocker({ host, cache, report, signal }) {
  const socket = localSocket(host);
  if (socket === undefined) return;
  const user = userInfo().username;
  const state = await engineState(socket);
  if (state === "answers") return;
  if (state === "not permitted") throw new Error(notPermitted(socket, user));
  if (socket !== DEFAULT_SOCKET && socket !== "/run/docker.sock") {
    throw new Error(
      `No Docker daemon answers at ${host}. Only the machine's own daemon, unix://${DEFAULT_SOCKET}, is started from here:` +
        " start yours, or choose another with `pulumi config set slipway:host <URL>`.",
    );
  }

  if (findDaemon() === undefined) await install({ report, signal });
  if ((await engineState(socket)) === "not running") await start({ socket, cache, report, signal });
  if ((await engineState(socket)) === "not permitted") throw new Error(notPermitted(socket, user));
}

/** @returns {string | undefined} the daemon's executable; ordinary users' PATH may lack the folder it is in */
function findDaemon() {
  return which("dockerd", `${process.env.PATH}:/usr/sbin:/usr/bin`);
}

/**
 * @param {{ report: Report, signal: AbortSignal | undefined }} options
 */
async function install({ report, signal }) {
  const why = "Docker is not installed";
  if (!/^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync("/etc/os-release", "utf8"))) {
    throw new Error(
      `${why}, and only on Debian and Ubuntu it is installed from here. See https://docs.docker.com/engine/install/.`,
    );
  }
  // iptables: the package only recommends it, but the daemon does not start without
  await installPackages({ packages: ["docker.io", "iptables", "ca-certificates"], why, report, signal });
  // newer releases keep the command in a package of its own
  if (which("docker") === undefined) await installPackages({ packages: ["docker-cli"], why, report, signal });
}

/** @returns {boolean} whether systemd runs this machine (sd_booted(3)) */
function hasSystemd() {
  return existsSync("/run/systemd/system");
}

/**
 * @param {{ socket: string, cache: string, report: Report, signal: AbortSignal | undefined }} options
 */
async function start({ socket, cache, report, signal }) {
  const why = "the Docker daemon is not running";
  const root = await asRoot(signal);
  const command = hasSystemd() ? "systemctl enable --now docker" : "service docker start";
  if (root === undefined) {
    throw new Error(`Docker is installed, but ${why}, and starting it takes root. Type: sudo ${command}`);
  }
  await report.step("Starting the Docker daemon", why, async () => {
    const [first = "", ...rest] = [...root, ...command.split(" ")];
    const failure = await run(first, rest, { signal }).then(
      () => undefined,
      (/** @type {Error} */ error) => error,
    );
    if (failure === undefined && (await answersInTime(socket, SERVICE_TIMEOUT, signal))) return;
    if (hasSystemd()) {
      throw new Error(`${failure?.message ?? "The Docker daemon does not answer."}\nType: journalctl -u docker`);
    }
    // an init script may fail where limits cannot be raised, as in containers; the daemon itself does not need that
    const daemon = startDaemon(root, cache);
    if (await answersInTime(socket, DAEMON_TIMEOUT, signal, daemon.hasEnded)) return;
    const tail = readFileSync(daemon.log, "utf8").trimEnd().split("\n").slice(-10).join("\n");
    throw new Error(`The Docker daemon could not be started. Its log, ${daemon.log}, ends with:\n${tail}`);
  });
}

/**
 * Starts the daemon so that it outlives this process and its terminal.
 *
 * @param {string[]} root - what makes a command run as root
 * @param {string} cache
 * @returns {{ log: string, hasEnded: () => boolean }}
 */
function startDaemon(root, cache) {
  mkdirSync(cache, { recursive: true });
  const log = join(cache, "dockerd.log");
  const output = openSync(log, "w");
  const [first = "", ...rest] = [...root, findDaemon() ?? "dockerd"];
  let ended = false;
  const end = () => (ended = true);
  spawn(first, rest, { detached: true, stdio: ["ignore", output, output] })
    .on("error", end)
    .on("exit", end)
    .unref();
  return { log, hasEnded: () => ended };
}

/**
 * @param {string} socket
 * @param {number} time - in milliseconds
 * @param {AbortSignal | undefined} signal
 * @param {() => boolean} hasEnded - whether there is nothing left to wait for
 * @returns {Promise<boolean>}
 */
async function answersInTime(socket, time, signal, hasEnded = () => false) {
  const end = Date.now() + time;
  while ((await engineState(socket)) === "not running") {
    if (Date.now() > end || hasEnded()) return false;
    await sleep(200, undefined, { signal });
  }
  return true;
}

/**
 * Whether the Docker daemon will run again after the machine is started anew, and with it the containers.
 *
 * @returns {Promise<{ starts: boolean, reason: string }>} with what to type where it does not
 */
export async function willStartAtBoot() {
  if (!hasSystemd()) {
    return {
      starts: false,
      reason: "No systemd runs on this machine. Have its init or supervisor start dockerd at boot.",
    };
  }
  for (const unit of ["docker.service", "docker.socket"]) {
    // exits with 1 for "disabled"
    const state = await run("systemctl", ["is-enabled", unit]).catch(() => "");
    if (state.trim() === "enabled") return { starts: true, reason: `${unit} is enabled` };
  }
  return { starts: false, reason: "docker.service is not enabled. Type: sudo systemctl enable docker" };
}
