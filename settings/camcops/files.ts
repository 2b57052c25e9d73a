import { configFolder } from "./config-keys.ts";

/**
 * Where a container sees `path`: a path below `configDirectory` on the host appears below /camcops/cfg; any other path
 * is a container's own and stays.
 */
export function containerPath(path: string, configDirectory: string | undefined): string {
  return configDirectory !== undefined && path.startsWith(`${configDirectory}/`)
    ? configFolder + path.slice(configDirectory.length)
    : path;
}

/** Where the host holds what a container sees at `path` below /camcops/cfg. */
export function hostPath(path: string, configDirectory: string): string {
  return configDirectory + path.slice(configFolder.length);
}
