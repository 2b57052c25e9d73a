import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { dockerClient } from "../../../settings/docker-client.ts";
import { ownDocker } from "./docker.ts";
import { assertExit, type Running } from "./processes.ts";
import type { Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

/**
 * A Docker daemon for one test, which can be restarted without anybody else's containers. It has a network namespace of
 * its own, and therefore a bridge and firewall rules of its own; nothing outside of it reaches a published port.
 */
export class OwnDaemon {
  readonly url: string;
  readonly client: Docker;
  readonly #sandbox: Sandbox;
  readonly #folder: string;
  #process: Running | undefined;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
    this.#folder = join(sandbox.folder, "docker");
    mkdirSync(this.#folder);
    this.url = `unix://${join(this.#folder, "docker.sock")}`;
    this.client = dockerClient(this.url);
  }

  /** Starts it, and waits until it answers. Takes root. */
  async start(): Promise<void> {
    const { PATH: path = "" } = process.env;
    const daemon = this.#sandbox.start(
      "unshare",
      [
        "--net",
        "--mount",
        "dockerd",
        `--data-root=${join(this.#folder, "data")}`,
        `--exec-root=${join(this.#folder, "exec")}`,
        `--pidfile=${join(this.#folder, "pid")}`,
        `--host=${this.url}`,
        // Where the system has a containerd, all daemons share it.
        `--containerd-namespace=${this.#sandbox.prefix}`,
        `--containerd-plugins-namespace=${this.#sandbox.prefix}-plugins`,
      ],
      { env: { PATH: `${path}:/usr/sbin:/sbin` } },
    );
    this.#process = daemon;
    await until("the daemon answers", 60, async () => {
      assert.equal(daemon.child.exitCode, null, daemon.written());
      return this.client.ping().then(
        () => true,
        () => false,
      );
    });
  }

  /** Stops it as the machine's end does. */
  async stop(): Promise<void> {
    this.#process?.child.kill("SIGTERM");
    await this.#process?.ended;
    this.#process = undefined;
  }

  /** Copies images from the machine's own engine. */
  async copyImages(references: readonly string[]): Promise<void> {
    const script = 'from=$1 to=$2; shift 2; docker --host "$from" save "$@" | docker --host "$to" load';
    const args = ["-o", "pipefail", "-c", script, "bash", ownDocker, this.url, ...references];
    assertExit(await this.#sandbox.run("bash", args), 0);
  }
}
