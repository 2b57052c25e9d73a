/** Something of an existing installation, such as a variable, and the setting or secret that holds it now. */
export interface Taken {
  /** Such as `CAMCOPS_DOCKER_FLOWER_HOST_PORT` or `[site] LANGUAGE`. */
  source: string;
  /** The key in the stack's file, such as `camcops.flower.hostPort`. */
  setting: string;
}

/** Something of an existing installation that is not taken over. */
export interface Left {
  source: string;
  /** Why, as a sentence without a full stop. Holds nothing secret. */
  reason: string;
}

/** A key of the installation's own configuration that will not be what it was. */
export interface Difference {
  source: string;
  /** The former value without secrets; undefined: it was not there. */
  before: string | undefined;
  /** The value to come without secrets. */
  after: string;
  /** Why, as a sentence without a full stop. */
  reason: string;
}

/** The Docker Compose project of an existing installation. */
export interface ComposeProject {
  /** Docker Compose's name for it. */
  name: string;
  /** The database's service; absent when the database is elsewhere. */
  database?: { service: string; folder: string; volume: string; setting: string };
  /** The message broker's service, whose volume stays behind. */
  broker?: { service: string; folder: string; volume: string };
}

/** What was found in an existing installation, as a stack's settings. */
export interface ImportedSystem {
  /** The system's settings; may be invalid, as the installation's may be. */
  settings: Record<string, unknown>;
  /** The secrets by their flat keys; a group of secrets as an object of its own. */
  secrets: Record<string, unknown>;
  taken: Taken[];
  left: Left[];
  differences: Difference[];
  /** What somebody should know, each a sentence. */
  remarks: string[];
  compose: ComposeProject;
}
