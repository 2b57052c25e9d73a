import type { Member } from "../cli/docker/containers.ts";

/** A healthy service's container, but for what is given. */
export function member(more: Partial<Member> = {}): Member {
  return {
    kind: "service",
    system: "camcops",
    name: "mysql",
    container: "camcops-mysql",
    id: "1",
    image: "slipway/mariadb:1",
    state: "running",
    health: "healthy",
    exitCode: 0,
    startedAt: new Date(0),
    finishedAt: new Date(0),
    restarts: 0,
    stopped: false,
    standby: false,
    ports: [],
    ...more,
  };
}
