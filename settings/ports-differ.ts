import { z } from "zod";

import { hostAddress, overlap, port } from "./fields.ts";
import { settingKey, valueAt } from "./path.ts";
import type { Report } from "./remedy.ts";

/**
 * The rule that no two services of a system want the same port of the host. Services that are left out
 * (`container: false`), and those whose address or port is missing or invalid, want none.
 *
 * @param system the system's key
 * @param groups the places of `hostAddress` and `hostPort` in the system's settings
 */
export function portsDiffer(system: string, groups: readonly string[][], settings: unknown, report: Report): void {
  const published: { key: string; address: string; hostPort: number }[] = [];
  for (const path of groups) {
    const service = z
      .object({ container: z.unknown().optional(), hostAddress: hostAddress(), hostPort: port() })
      .safeParse(valueAt(settings, path)).data;
    if (service === undefined || service.container === false) continue;
    const { hostAddress: address, hostPort } = service;
    const key = settingKey([system, ...path, "hostPort"]);
    const other = published.find((entry) => entry.hostPort === hostPort && overlap(entry.address, address));
    if (other !== undefined) {
      report([...path, "hostPort"], `must differ from ${other.key}: a port of the host serves one service only`, {
        set: key,
        value: String(hostPort < 65535 ? hostPort + 1 : hostPort - 1),
      });
    }
    published.push({ key, address, hostPort });
  }
}
