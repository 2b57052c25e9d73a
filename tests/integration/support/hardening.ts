import assert from "node:assert/strict";
import type Docker from "dockerode";

/** Fails unless a service has no root, no capability, nothing to write to, limits, a rotated log and a good health. */
export function assertHardened(service: string, info: Docker.ContainerInspectInfo): void {
  const { Config: config, HostConfig: host, State: state } = info;
  assert.match(config.User, /^[1-9]\d*:[1-9]\d*$/, service);
  assert.equal(host.Privileged, false, service);
  assert.equal(host.ReadonlyRootfs, true, service);
  assert.deepEqual(host.CapDrop, ["ALL"], service);
  assert.deepEqual(host.SecurityOpt, ["no-new-privileges"], service);
  assert.ok((host.Memory ?? 0) > 0, service);
  assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "10m", "max-file": "5" } }, service);
  assert.equal(host.RestartPolicy?.Name, "unless-stopped", service);
  assert.equal(state.Health?.Status, "healthy", service);
}
