import type { Environment } from "../environment.ts";
import { valueAt } from "../path.ts";

/**
 * Whether CamCOPS's web server is replaced without an interruption, by nginx in front of it.
 *
 * @param settings may be invalid
 */
export function isWithoutDowntime(settings: unknown, environment: Environment): boolean {
  if (valueAt(settings, ["https"]) === false) return false;
  const chosen = valueAt(settings, ["withoutDowntime"]);
  return typeof chosen === "boolean" ? chosen : environment === "prod";
}
