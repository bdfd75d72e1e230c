// What the API answers, as far as it is shown. The whole is in openapi.json.

export type Health =
  | "unseen"
  | "answering"
  | "failing"
  | "stale"
  | "partial"
  | "not-understood"
  | "unobserved";
export type Severity = "critical" | "major" | "minor" | "notice";
export type Value = number | string;
export type Quality = "good" | "suspect" | "stale";

/** The person who asks. */
export interface Me {
  name: string;
  /** Without `on` it counts everywhere. */
  rights?: { right: string; on?: string[] }[];
}

/** The ways to log in besides tokens. */
export interface LoginOptions {
  /** The name of the identity provider. */
  provider?: string;
  /** Where a browser begins. */
  browser?: string;
}

export interface Attribution {
  by: string;
  at: string;
  why?: string;
}

export interface Lock {
  by: string;
  why: string;
  since: string;
  until: string;
  priority: string;
}

export interface Target {
  name: string;
  kind: string;
  address: string;
  zone: string;
  labels: Record<string, string>;
  credential?: string;
  pin?: string;
  limits?: Record<string, number>;
  health: Health;
  answered?: string;
  problem?: { code: string; message: string; cure: string };
  missing?: { what?: string; reason?: string }[];
  control?: { lock?: Lock; holder?: string; waiting: number };
}

export interface Reading {
  target: string;
  time: string;
  heard?: string;
  metric: string;
  attributes?: Record<string, string>;
  value: Value;
  unit?: string;
  quality?: Quality;
}

export interface Alarm {
  id: string;
  rule: string;
  target: string;
  attributes?: Record<string, string>;
  severity: Severity;
  state: string;
  active: boolean;
  seen?: Attribution;
  held?: { by: "person" | "lock" | "cause" | "suspicion"; cause?: string; until?: string };
  heard?: string;
  raised: string;
  over?: string;
  value?: Value;
  unit?: string;
  flapping?: boolean;
  times: number;
  text: string;
  do?: string;
  explains?: number;
}

export interface Explanation {
  alarm: Alarm;
  rule?: unknown;
  causes?: Alarm[];
  explained?: Alarm[];
  lines: string[];
}

export interface Overview {
  time: string;
  version: string;
  well: boolean;
  targets: Record<string, number>;
  failing: {
    kind: string;
    health: Health;
    code: string;
    count: number;
    of: number;
    says: string;
    places?: { label: string; value: string; count: number; of: number }[];
    examples: string[];
  }[];
  failing_left_out: number;
  control?: Record<string, number>;
  alarms?: { causes: number; explained: number; held: number; unacknowledged: number; critical: number };
  environments: { running: number; gone: number; workers: number };
  findings: { weight: "wrong" | "notice"; about: string; subject: string; says: string; cure?: string }[];
}

export type TaskState =
  | "planned"
  | "queued"
  | "permitted"
  | "verifying"
  | "unknown"
  | "unsettled"
  | "succeeded"
  | "failed"
  | "expired"
  | "cancelled";

export interface Task {
  id: string;
  attempt: number;
  origin: { operation?: string; schedule?: string; task?: string };
  target: string;
  kind: string;
  action: string;
  class: "observe" | "control";
  parameters: Record<string, unknown>;
  state: TaskState;
  made: string;
  expires: string;
  prior?: Value;
  outcome?: { status: string; problem?: { code: string; message: string }; timings?: { ended?: string } };
  attempts?: { attempt: number; permitted: string; environment: string; status?: string }[];
}

export interface Operation {
  id: string;
  selector: string;
  action?: string;
  class: "observe" | "control";
  parameters: Record<string, unknown>;
  requested: string;
  by?: string;
  /** The policy that requested it. */
  policy?: string;
  why?: string;
  priority?: string;
  undoes?: string;
  undone_by?: string[];
  counts: Record<TaskState | "partial", number>;
  state?: "awaiting" | "running" | "paused" | "stopped" | "cancelled" | "done";
  approved?: Attribution;
  changed?: Attribution;
  tasks?: Task[];
}

export interface PlannedTask {
  target: string;
  release: { kind: string; version: string };
  today?: Value;
  metric?: string;
  unit?: string;
}

export interface Plan {
  token: string;
  needs_approval: boolean;
  many: number;
  targets: PlannedTask[];
}

export interface UndoPlan {
  token: string;
  needs_approval: boolean;
  many: number;
  steps: { action: string; parameters: Record<string, unknown>; targets: PlannedTask[] }[];
  left_out: { target: string; why: string }[];
}

export interface Waiting {
  waits_for: string;
  says: string;
  since?: string;
  until?: string;
  cure?: string;
}

export interface Schema {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: Value[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  /** Secret: it is given, and never shown. */
  writeOnly?: boolean;
  default?: unknown;
  items?: Schema;
}

export interface Action {
  name: string;
  class: "observe" | "control";
  description?: string;
  parameters?: Schema;
  risk?: "low" | "high";
  repeat?: string;
  undo?: { action: string };
  verify?: { metric: string };
}

export interface KindView {
  kind: string;
  release: { kind: string; version: string; digest: string };
  manifest: { description?: string; action: Action[] };
  environments: string[];
  targets: number;
}

export interface Topology {
  around: string;
  nodes: { target: string; health: Health; problem?: string; places?: string[]; alarms?: Alarm[] }[];
  edges: { relation: string; from: string; to: string; outlet?: string; outlet_state?: string; derived?: boolean }[];
  more?: boolean;
}

export interface Relation {
  name: string;
  relation: "feeds" | "reaches" | "cools" | "contains";
  from: string;
  to: string;
}

export interface Series {
  target?: string;
  metric: string;
  attributes?: Record<string, string>;
  unit?: string;
  times: number[];
  values: Value[];
  gaps?: { from: string; to: string; reason: string }[];
  /** What its values are together, which the figures of steps hide. */
  overall?: { least: number; greatest: number; last: number };
}

export interface History {
  from: string;
  to: string;
  step?: string;
  series: Series[];
}

export interface Environment {
  id: string;
  zone: string;
  labels: Record<string, string>;
  state: string;
  version: string;
  time: string;
  pools: {
    release: { kind: string; version: string };
    active: boolean;
    ready: number;
    starting: number;
    draining: number;
    running: number;
    waiting: number;
    lost: number;
    memory?: number;
    problem?: { code: string; message: string };
  }[];
  standing?: { stop: string; by: string; since: string; why?: string; scope: Record<string, string> }[];
  problems?: { code: string; message: string }[];
  breakers?: { target: string; state?: string }[];
}

export type Mode = "off" | "shadow" | "advise" | "armed";

export interface PolicyInput {
  metric?: string;
  silence?: boolean;
  selector?: string;
  relation?: string;
  where?: Record<string, string>;
  aggregate?: string;
  fresh: string;
  unit?: string;
}

export interface PolicyInstance {
  target?: string;
  at?: string;
  decision: "nothing" | "hold" | "act" | "back" | "stop";
  why: string;
  needs?: string[];
  inputs?: {
    name: string;
    value: Value | boolean | null;
    missing?: string;
    age?: string;
    present: number;
    of: number;
  }[];
  lets?: Record<string, Value | boolean | null>;
  conditions?: Record<string, boolean | null>;
  changes?: {
    action: string;
    target: string;
    outlet?: string;
    parameters: Record<string, unknown>;
    at: string;
    stage: "would" | "asked" | "done" | "renewing" | "returning" | "person";
    key: string;
  }[];
}

export interface LimitUse {
  limit: string;
  used: number;
  max: number;
}

export interface Policy {
  policy: {
    name: string;
    about?: string;
    every: string;
    for_each?: string;
    watch: Record<string, PolicyInput>;
    let?: Record<string, string>;
    when: string;
    until?: string;
    unless?: string;
    hold?: string;
    act: { action: string; on: { selector?: string; relation?: string; from?: string }; parameters?: Record<string, unknown> }[];
    back?: { when: string; hold?: string };
  };
  mode: Mode;
  until?: string;
  by?: string;
  hands_back?: boolean;
  stopped?: string;
  asked_by?: string;
  instances: PolicyInstance[];
  uses?: LimitUse[];
}

export interface PolicyAct {
  at: string;
  target?: string;
  decision: string;
  why: string;
}

export interface PolicyTest {
  from: string;
  to: string;
  decisions: number;
  blind: number;
  episodes: number;
  act_count: number;
  acts: PolicyAct[];
  instances: number;
  of: number;
  token?: string;
}

export interface PolicyExplanation {
  policy: string;
  at: string;
  recomputed: boolean;
  exact: boolean;
  instances: PolicyInstance[];
}

export interface Envelope {
  envelope: { name: string; about?: string; applies?: string };
  uses: LimitUse[];
  waits?: { task: string; why: string }[];
  red?: string;
}

/** What a document would change, or has changed. */
/** A length to the right and one downwards, in metres. */
export type Metres = [number, number];

/** A row of racks, side by side from its upper left corner. */
export interface FloorRow {
  name: string;
  racks: string[];
  at: Metres;
  runs?: "east" | "south";
  width: number;
  depth: number;
  face?: "north" | "east" | "south" | "west";
}

export interface Aisle {
  name: string;
  air: "cold" | "hot";
  at: Metres;
  size: Metres;
}

export interface FloorUnit {
  target: string;
  at: Metres;
  size: Metres;
}

/** Where the racks, units and aisles of a room are. */
export interface Floor {
  name: string;
  room?: string;
  size: Metres;
  tile: number;
  rows?: FloorRow[];
  aisles?: Aisle[];
  units?: FloorUnit[];
}

export interface Applied {
  dry_run: boolean;
  changes: {
    subject: string;
    verdict: "created" | "changed" | "unchanged" | "deleted";
    differences?: { field: string; before?: unknown; after?: unknown }[];
  }[];
  warnings?: { subject: string; message: string }[];
}

export interface Rollout {
  id: string;
  kind: string;
  from: { version: string };
  to: { version: string };
  by: string;
  why?: string;
  began: string;
  ended?: string;
  state: string;
  wave: number;
  waves: string[];
  problem?: { code: string; message: string };
  environments: Record<
    string,
    {
      wave: number;
      phase: string;
      problem?: { message: string };
      evidence: {
        share?: number;
        compared?: number;
        differing?: number;
        lost?: number;
        candidate?: { tasks: number; failed: number; p50: number; p99: number };
        stable?: { tasks: number; failed: number; p50: number; p99: number };
      };
    }
  >;
}
