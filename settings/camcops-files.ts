/** Where `configDirectory` appears in CamCOPS's containers. */
export const configMount = "/camcops/cfg";

/**
 * Where a container sees `path`: a path below `configDirectory` on the host appears below {@link configMount}; any other
 * path is a container's own and stays.
 */
export function containerPath(path: string, configDirectory: string | undefined): string {
  return configDirectory !== undefined && path.startsWith(`${configDirectory}/`)
    ? configMount + path.slice(configDirectory.length)
    : path;
}

/** Where the host holds what a container sees at `path`; nothing when that is outside `configDirectory`. */
export function hostPath(path: string, configDirectory: string | undefined): string | undefined {
  return configDirectory !== undefined && path.startsWith(`${configMount}/`)
    ? configDirectory + path.slice(configMount.length)
    : undefined;
}

/**
 * The keys of camcops.conf that name files which a user supplies, from warn_if_not_within_docker_dir in
 * camcops_server/cc_modules/cc_config.py and the recipient's files in cc_exportrecipientinfo.py, CamCOPS 2.4.24.
 */
export const fileKeys: ReadonlySet<string> = new Set([
  "CAMCOPS_LOGO_FILE_ABSOLUTE",
  "EXTRA_STRING_FILES",
  "FILE_SCRIPT_AFTER_EXPORT",
  "LOCAL_LOGO_FILE_ABSOLUTE",
  "REDCAP_FIELDMAP_FILENAME",
  "SNOMED_ICD10_XML_FILENAME",
  "SNOMED_ICD9_XML_FILENAME",
  "SNOMED_TASK_XML_FILENAME",
]);

/** Whether a container can see a user's file at `path`: in the configuration folder or in CamCOPS's own installation. */
export function isVisible(path: string): boolean {
  return (
    !path.split("/").includes("..") &&
    (path.startsWith(`${configMount}/`) ||
      path.startsWith("/camcops/venv/") ||
      /^\/.*\/site-packages\/camcops_server\//.test(path))
  );
}
