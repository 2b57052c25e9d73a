import { z } from "zod";

/**
 * The kinds of value that settings are made of. Every message says what is allowed and stands behind the setting's name in
 * an error.
 */

/** A text that matches `pattern`; `allowed` completes the sentence "must be …". */
export function text(allowed: string, pattern: RegExp) {
  return z.string(mustBe(allowed)).regex(pattern, mustBe(allowed)).meta({ allowed });
}

/** A whole number from `minimum` to `maximum`; `what` names the unit, such as "days", or what is special. */
export function wholeNumber(minimum: number, maximum: number, what?: string) {
  const allowed = `a whole number${what === undefined ? "" : ` of ${what}`} from ${minimum} to ${maximum}`;
  return z.int(mustBe(allowed)).min(minimum, mustBe(allowed)).max(maximum, mustBe(allowed)).meta({ allowed });
}

/** A number, whole or not, from `minimum` to `maximum` of what `unit` names. */
function decimal(minimum: number, maximum: number, unit: string) {
  const allowed = `a number of ${unit} from ${minimum} to ${maximum}, such as 1.5`;
  return z.number(mustBe(allowed)).min(minimum, mustBe(allowed)).max(maximum, mustBe(allowed)).meta({ allowed });
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  const allowed = `one of: ${words.join(", ")}`;
  return z.enum(words, mustBe(allowed)).meta({ allowed });
}

/** A list of at least `minimum` values. */
export function list<T extends z.ZodType>(item: T, allowed: string, minimum = 0) {
  return z.array(item, mustBe(allowed)).min(minimum, mustBe(allowed)).meta({ allowed });
}

function mustBe(allowed: string): string {
  return `must be ${allowed}`;
}

/** A group of settings; a key that it does not know is an error. */
export function group<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "invalid_type" ? "must be a group of settings (a YAML mapping)" : undefined),
  });
}

/** Yes or no. */
export function flag() {
  const allowed = "true or false, without quotes";
  return z.boolean(mustBe(allowed)).meta({ allowed });
}

/** A TCP port. */
export function port() {
  return wholeNumber(1, 65535);
}

/** An address of the host on which a published port listens. */
export function hostAddress() {
  const allowed = "an IP address of the host: 127.0.0.1 to be reachable from it only, 0.0.0.0 from everywhere";
  return z.union([z.ipv4(), z.ipv6()], mustBe(allowed)).meta({ allowed });
}

/** Whether a listener on one address of the host keeps another one from the same port. */
export function overlap(a: string, b: string): boolean {
  return a === b || [a, b].some((address) => address === "0.0.0.0" || address === "::");
}

/**
 * An absolute path without `.` and `..`, in the notation of Docker: a Windows folder is `/host_mnt/c/Users/…`.
 * Trailing slashes are dropped.
 */
export function absolutePath() {
  return text(
    "an absolute path without . or .. in it, such as /etc/camcops; `~` and variables are not expanded, " +
      "and the Windows folder C:\\Users\\me is written /host_mnt/c/Users/me",
    /^(?:\/(?!\.{1,2}(?:\/|$))[^/\r\n\t]+)+\/*$/,
  ).overwrite((path) => path.replace(/\/+$/, ""));
}

/** The name of a volume of Docker's. */
export function volumeName() {
  return text(
    "the name of a Docker volume: 2 to 200 letters, digits, '.', - and _",
    /^[A-Za-z0-9][A-Za-z0-9_.-]{1,199}$/,
  );
}

/** A time zone of the IANA database. */
export function timeZone() {
  const allowed = "a time zone of the IANA database, such as UTC or Europe/London";
  return z.string(mustBe(allowed)).refine(isTimeZone, mustBe(allowed)).meta({ allowed });
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    // Offsets such as "+01:00" are time zones to Intl, but not to the C library in a container.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

const referencePattern =
  /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]+)?\/)?[a-z0-9._-]+(?:\/[a-z0-9._-]+)*(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;

/** What an image reference is pinned to. */
export interface ImagePin {
  tag?: string;
  digest?: string;
}

/** The tag and the digest of an image reference. */
export function imagePin(reference: string): ImagePin {
  const [, tag, digest] = referencePattern.exec(reference) ?? [];
  return { ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** An image in a registry, by exact tag, digest or both; never `latest`. */
export function imageReference() {
  const allowed =
    "an image reference with an exact tag or a digest, such as registry.example.org/camcops:2.4.24 or " +
    "registry.example.org/camcops@sha256:<64 hexadecimal digits>; `latest` and a missing tag are refused";
  return text(allowed, referencePattern).refine((reference) => {
    const { tag, digest } = imagePin(reference);
    return tag !== "latest" && (tag ?? digest) !== undefined;
  }, mustBe(allowed));
}

/** How much processor time a container may use at most. */
export function cpuLimit() {
  return decimal(0.1, 1024, "processors")
    .optional()
    .meta({
      description: "Limit of the processor time of each of its containers. Without it: none.",
      unit: "processors",
      examples: [1.5],
    });
}

/** What may be said of any service: what it may use, what becomes of it when it ends, and where it is. */
export function serviceTerms(memory: number) {
  return {
    memory: wholeNumber(64, 1_048_576, "MiB").default(memory).meta({
      description: "Memory limit of each of the service's containers.",
      unit: "MiB",
      caution: "A process that needs more is killed by the kernel.",
    }),
    cpus: cpuLimit(),
    restart: oneOf(["unless-stopped", "always", "on-failure", "no"]).default("unless-stopped").meta({
      description: "When Docker starts the service again after it ended.",
    }),
    timeZone: timeZone()
      .optional()
      .meta({
        description: "Time zone of its processes. Without it: the system's.",
        examples: ["Europe/London"],
      }),
  };
}

/** The settings of a service of which nothing else can be said. */
export function serviceSettings(memory: number) {
  return group(serviceTerms(memory)).prefault({});
}

/** The number of a user or group of the containers; never root's. */
export function numericId() {
  const allowed = "a whole number from 1 to 2147483647; 0, root, is refused";
  return z
    .int(`must be ${allowed}`)
    .min(1, `must be ${allowed}`)
    .max(2_147_483_647, `must be ${allowed}`)
    .meta({ allowed });
}

/** Rotation of the containers' logs. */
export function logSettings() {
  return group({
    maxSize: wholeNumber(1, 10_240, "MiB").default(10).meta({
      description: "Size at which a container's log file is rotated.",
      unit: "MiB",
    }),
    maxFiles: wholeNumber(1, 100, "files").default(5).meta({
      description: "How many log files are kept for each container.",
      unit: "files",
    }),
  })
    .prefault({})
    .meta({ description: "Rotation of the containers' logs." });
}

/** Whether only the host itself reaches what listens on an address. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address.startsWith("127.") || address === "::1" || address === "[::1]";
}

/** A secret that the user may choose. */
export function secretText() {
  return text("one line of text that is not empty", /^.+$/).optional();
}
