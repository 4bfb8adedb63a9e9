import assert from "node:assert/strict";
import { jitterOf, schedule } from "../../../../runner/agent/schedule";
import { type Outcome, Scheduler, type Task } from "../../../../runner/agent/scheduler";
import { Failure, type FailureCode } from "../../../../runner/lib/failure";
import { SimulatedClock } from "../../../support/simulated-clock";

const minute = 60_000;
const retry = { first: 10_000, most: 10 * minute, for: 60 * minute };

/** An agent in simulated time, with a repository that outlives it. */
class World {
  readonly clock = new SimulatedClock("2026-03-01T00:00:00Z");
  readonly told: string[] = [];
  /** When each job's backups began. */
  readonly backups = new Map<string, Date[]>();
  private agent: { stop: AbortController; ended: Promise<void>; scheduler: Scheduler } | undefined;

  start(tasks: readonly Task[], atOnce = 2): void {
    const at = () => this.clock.now().toISOString().slice(11, 19);
    const scheduler = new Scheduler(
      this.clock,
      {
        retrying: (task, error, next) => {
          this.told.push(`${at()} ${task.job} retry at ${next.toISOString().slice(11, 19)}: ${error.code}`);
        },
        failed: (task, error) => {
          this.told.push(
            `${at()} ${task.job} failed: ${error instanceof Failure ? error.code : String(error)}`,
          );
        },
      },
      atOnce,
    );
    scheduler.use(tasks, atOnce);
    const stop = new AbortController();
    this.agent = { stop, scheduler, ended: scheduler.run(stop.signal) };
  }

  use(tasks: readonly Task[]): void {
    this.agent?.scheduler.use(tasks, 2);
  }

  async stop(): Promise<void> {
    this.agent?.stop.abort();
    await this.agent?.ended;
  }

  backupsOf(job: string): string[] {
    return (this.backups.get(job) ?? []).map((time) => time.toISOString().slice(5, 19));
  }

  /** A backup that takes some time; `trouble` may throw. */
  task(
    job: string,
    line: string,
    more: Partial<Task> & { seconds?: number; trouble?: () => void } = {},
  ): Task {
    const { seconds = 60, trouble, ...rest } = more;
    return {
      job,
      kind: "backup",
      schedule: schedule(line, "UTC"),
      retry,
      run: async (due, signal): Promise<Outcome> => {
        const done = this.backups.get(job) ?? [];
        if (done.some((time) => time >= due)) return "done";
        trouble?.();
        const began = this.clock.now();
        await this.clock.sleep(seconds * 1000, signal);
        if (signal.aborted) throw new Failure("interrupted", "stopped");
        this.backups.set(job, [...done, began]);
        return "done";
      },
      ...rest,
    };
  }
}

const failing = (code: FailureCode, times = Number.POSITIVE_INFINITY) => {
  let left = times;
  return () => {
    if (left-- > 0) throw new Failure(code, "trouble");
  };
};

describe("the scheduler", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.stop());

  it("runs a task at each due time, and at the start for the last one", async () => {
    world.start([world.task("cbm", "30 2 * * *")]);
    await world.clock.advance("2026-03-03T12:00:00Z");
    assert.deepEqual(world.backupsOf("cbm"), [
      "03-01T00:00:00",
      "03-01T02:30:00",
      "03-02T02:30:00",
      "03-03T02:30:00",
    ]);
  });

  it("catches up once for all runs that were missed, and not for what was done", async () => {
    const tasks = [world.task("missed", "0 * * * *"), world.task("done", "30 2 * * *")];
    world.start(tasks);
    await world.clock.advance("2026-03-01T03:10:00Z");
    await world.stop();
    await world.clock.advance("2026-03-01T09:59:00Z");
    world.start(tasks);
    await world.clock.advance("2026-03-01T10:30:00Z");
    assert.deepEqual(world.backupsOf("missed").slice(-3), [
      "03-01T03:00:00",
      "03-01T09:59:00",
      "03-01T10:00:00",
    ]);
    assert.deepEqual(world.backupsOf("done"), ["03-01T00:00:00", "03-01T02:30:00"]);
  });

  it("does not overlap a job that takes longer than its period, and runs it again at once when it ends", async () => {
    world.start([world.task("slow", "0 * * * *", { seconds: 90 * 60 })]);
    await world.clock.advance("2026-03-01T06:05:00Z");
    assert.deepEqual(world.backupsOf("slow"), [
      "03-01T00:00:00",
      "03-01T01:30:00",
      "03-01T03:00:00",
      "03-01T04:30:00",
    ]);
  });

  it("runs once, for the last due time, after the machine slept over several", async () => {
    const dues: string[] = [];
    const task = world.task("cbm", "0 * * * *");
    const run: Task["run"] = (due, signal) => {
      dues.push(due.toISOString().slice(11, 16));
      return task.run(due, signal);
    };
    world.start([{ ...task, run }]);
    await world.clock.advance("2026-03-01T00:30:00Z");
    world.clock.jump("2026-03-01T04:20:00Z");
    await world.clock.advance("2026-03-01T05:10:00Z");
    assert.deepEqual(dues, ["00:00", "04:00", "05:00"]);
    assert.deepEqual(world.backupsOf("cbm"), ["03-01T00:00:00", "03-01T04:20:00", "03-01T05:00:00"]);
  });

  it("leaves a run that failed or found nothing for the one that became due meanwhile", async () => {
    for (const trouble of ["lock-timeout", "absent"] as const) {
      const dues: string[] = [];
      const run: Task["run"] = async (due, signal) => {
        dues.push(due.toISOString().slice(0, 16));
        if (dues.length > 1) return "done";
        await world.clock.sleep(90 * minute, signal);
        if (trouble === "absent") return trouble;
        throw new Failure(trouble, "trouble");
      };
      world = new World();
      world.start([{ ...world.task("cbm", "0 * * * *"), run, retry: { ...retry, for: 1000 * minute } }]);
      await world.clock.advance("2026-03-01T01:55:00Z");
      assert.deepEqual(dues, ["2026-03-01T00:00", "2026-03-01T01:00"], trouble);
      if (trouble === "lock-timeout") assert.deepEqual(world.told, ["01:30:00 cbm failed: lock-timeout"]);
      await world.stop();
    }
  });

  it("tries again with growing pauses what can pass", async () => {
    world.start([world.task("cbm", "30 2 * * *", { trouble: failing("container-not-running", 3) })]);
    await world.clock.advance("2026-03-01T01:00:00Z");
    assert.deepEqual(world.told, [
      "00:00:00 cbm retry at 00:00:10: container-not-running",
      "00:00:10 cbm retry at 00:00:30: container-not-running",
      "00:00:30 cbm retry at 00:01:10: container-not-running",
    ]);
    assert.deepEqual(world.backupsOf("cbm"), ["03-01T00:01:10"]);
  });

  it("gives up after the time that it may take, and tries what is due next", async () => {
    world.start([world.task("cbm", "0 */6 * * *", { trouble: failing("s3-unreachable", 13) })]);
    await world.clock.advance("2026-03-01T07:00:00Z");
    assert.equal(world.told.filter((line) => line.includes("failed")).length, 1);
    const given = world.told.find((line) => line.includes("failed"));
    assert.match(given ?? "", /^00:[45]\d:\d\d cbm failed: s3-unreachable$/);
    assert.equal(world.backupsOf("cbm").length, 1);
    assert.match(world.backupsOf("cbm")[0] ?? "", /^03-01T06:/);
  });

  it("reports what was tried in vain when it is due again", async () => {
    world.start([world.task("cbm", "*/5 * * * *", { trouble: failing("lock-timeout", 6) })]);
    await world.clock.advance("2026-03-01T00:07:00Z");
    assert.ok(world.told.includes("00:05:00 cbm failed: lock-timeout"), world.told.join("\n"));
    assert.deepEqual(world.backupsOf("cbm"), ["03-01T00:05:10"]);
  });

  it("does not try again what cannot pass", async () => {
    world.start([world.task("cbm", "30 2 * * *", { trouble: failing("table-not-found") })]);
    await world.clock.advance("2026-03-01T02:00:00Z");
    assert.deepEqual(world.told, ["00:00:00 cbm failed: table-not-found"]);
  });

  it("goes on after a fault of its own", async () => {
    const trouble = () => {
      throw new TypeError("a bug");
    };
    world.start([world.task("broken", "0 * * * *", { trouble }), world.task("cbm", "0 * * * *")]);
    await world.clock.advance("2026-03-01T01:30:00Z");
    assert.deepEqual(world.told, [
      "00:00:00 broken failed: TypeError: a bug",
      "01:00:00 broken failed: TypeError: a bug",
    ]);
    assert.deepEqual(world.backupsOf("cbm"), ["03-01T00:00:00", "03-01T01:00:00"]);
  });

  it("looks again for a source that is absent, and says nothing", async () => {
    const here = world.task("cbm", "0 * * * *");
    const run: Task["run"] = (due, signal) =>
      world.clock.now() < new Date("2026-03-01T00:20:05Z")
        ? Promise.resolve("absent")
        : here.run(due, signal);
    world.start([{ ...here, run }]);
    await world.clock.advance("2026-03-01T00:30:00Z");
    assert.deepEqual(world.backupsOf("cbm"), ["03-01T00:20:15"]);
    assert.deepEqual(world.told, []);
  });

  it("goes on with what changed, and does not start a job beside its own earlier run", async () => {
    world.start([world.task("cbm", "0 * * * *", { seconds: 600 })]);
    await world.clock.advance("2026-03-01T01:05:00Z");
    world.use([world.task("cbm", "0 * * * *", { seconds: 600 }), world.task("new", "0 3 * * *")]);
    await world.clock.advance("2026-03-01T02:05:00Z");
    assert.deepEqual(world.backupsOf("cbm"), ["03-01T00:00:00", "03-01T01:00:00"]);
    assert.deepEqual(world.backupsOf("new"), ["03-01T01:05:00"]);
  });

  it("runs 500 jobs over 20 databases, and loses and overlaps none, with an agent that is killed now and then", async function () {
    this.timeout(120_000);
    const atOnce = 8;
    const [busy, most] = [new Set<string>(), { value: 0 }];
    const overlaps: string[] = [];
    let seed = 7;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const lineOf = (index: number) =>
      [`${index % 60} ${index % 24} * * *`, `${index % 60} */6 * * *`, `*/30 ${index % 12} * * *`][
        index % 3
      ] ?? "";
    const tasks = Array.from({ length: 500 }, (_, index): Task => {
      const task = world.task(`job-${index}`, lineOf(index), {
        seconds: 5 + (index % 40),
        // A restart of its database breaks it now and then.
        trouble: () => {
          if (random() < 0.05) throw new Failure("container-not-running", `database ${index % 20} restarts`);
        },
      });
      return {
        ...task,
        async run(due, signal) {
          if (busy.has(task.job)) overlaps.push(task.job);
          busy.add(task.job);
          most.value = Math.max(most.value, busy.size);
          try {
            return await task.run(due, signal);
          } finally {
            busy.delete(task.job);
          }
        },
      };
    });
    for (let day = 1; day <= 3; day++)
      for (const hour of ["05:10:07", "13:20:41", "23:59:59"]) {
        world.start(tasks, atOnce);
        await world.clock.advance(`2026-03-0${day}T${hour}Z`);
        await world.stop();
      }
    assert.deepEqual(overlaps, []);
    assert.ok(most.value <= atOnce && most.value > 1, `${most.value} ran at once`);
    // What was due before the agent began is caught up in its first minutes. After them there is one for each due time, before the next.
    const wrong = tasks.filter(({ job, schedule: { next } }) => {
      const [begin, end] = [new Date("2026-03-01T01:00:00Z"), new Date("2026-03-03T23:40:00Z")];
      const dues: Date[] = [];
      for (let due = next(begin); due !== undefined && due < end; due = next(due)) dues.push(due);
      const first = dues[0] ?? end;
      const times = (world.backups.get(job) ?? []).filter((time) => time >= first && time < end);
      const isIn = (time: Date, index: number) =>
        time >= (dues[index] ?? end) && time < (dues[index + 1] ?? end);
      return times.length !== dues.length || !times.every(isIn);
    });
    assert.deepEqual(
      wrong.map(({ job }) => job),
      [],
    );
  });
});

describe("the scheduler's health", () => {
  it("is good while it looks at its tasks, and not when it has not done so for minutes", async () => {
    const clock = new SimulatedClock("2026-03-01T00:00:00Z");
    const silent = { retrying: () => undefined, failed: () => undefined };
    const scheduler = new Scheduler(clock, silent, 1);
    const stop = new AbortController();
    const ended = scheduler.run(stop.signal);
    await clock.advance("2026-03-01T05:00:00Z");
    assert.ok(scheduler.isAlive());
    clock.jump("2026-03-01T05:05:00Z");
    assert.ok(!scheduler.isAlive());
    stop.abort();
    await ended;
  });
});

describe("a schedule", () => {
  const at = (text: string) => new Date(text);

  it("says what is due last and next, the time itself included", () => {
    const { last, next } = schedule("30 2 * * *", "UTC");
    assert.deepEqual(last(at("2026-03-02T02:30:00Z")), at("2026-03-02T02:30:00Z"));
    assert.deepEqual(last(at("2026-03-02T02:29:59.999Z")), at("2026-03-01T02:30:00Z"));
    assert.deepEqual(next(at("2026-03-02T02:30:00Z")), at("2026-03-03T02:30:00Z"));
    assert.deepEqual(next(at("2026-03-02T02:29:59.999Z")), at("2026-03-02T02:30:00Z"));
  });

  it("runs once a day where the clock is set forward and back", () => {
    const { next } = schedule("30 2 * * *", "Europe/Rome");
    // 02:30 does not exist on 29 March 2026, and comes twice on 25 October.
    assert.deepEqual(next(at("2026-03-28T12:00:00Z")), at("2026-03-29T01:00:00Z"));
    assert.deepEqual(next(at("2026-03-29T01:00:00Z")), at("2026-03-30T00:30:00Z"));
    assert.deepEqual(next(at("2026-10-24T12:00:00Z")), at("2026-10-25T00:30:00Z"));
    assert.deepEqual(next(at("2026-10-25T00:30:00Z")), at("2026-10-26T01:30:00Z"));
  });

  it("moves all its times by a delay", () => {
    const { last, next } = schedule("0 * * * *", "UTC", 5 * minute);
    assert.deepEqual(last(at("2026-03-02T02:04:59Z")), at("2026-03-02T01:05:00Z"));
    assert.deepEqual(last(at("2026-03-02T02:05:00Z")), at("2026-03-02T02:05:00Z"));
    assert.deepEqual(next(at("2026-03-02T02:04:59Z")), at("2026-03-02T02:05:00Z"));
  });

  it("gives each job the same share of the jitter each time, within it", () => {
    const shares = Array.from({ length: 200 }, (_, index) => jitterOf(`job-${index}`, "10m"));
    assert.ok(shares.every((share) => share >= 0 && share < 10 * minute));
    assert.ok(new Set(shares).size > 100);
    assert.equal(jitterOf("cbm", "10m"), jitterOf("cbm", "10m"));
    assert.equal(jitterOf("cbm", undefined), 0);
  });
});
