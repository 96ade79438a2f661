package nestbox.core;

import java.util.ArrayList;
import java.util.List;

/**
 * Scheduled events as data: (due tick, device, event, argument), never lambdas, so that they can be saved. Events with
 * the same due tick run in the order (due, sequence of scheduling).
 */
public final class EventQueue implements Stateful {
    /** A device that can have events scheduled; registered once, at wiring, under a number that is part of saved state. */
    public interface Target {
        void onEvent(int event, long argument, long due);
    }

    /** Told of every event when it is scheduled, so that what runs can stop in time for it. */
    @FunctionalInterface
    public interface Listener {
        void scheduled(long due);
    }

    private Listener listener = due -> {};
    private final List<Target> targets = new ArrayList<>();
    private long[] due = new long[16];
    private long[] sequence = new long[16];
    private int[] target = new int[16];
    private int[] event = new int[16];
    private long[] argument = new long[16];
    private int size;
    private long nextSequence;
    private long nextDue = Long.MAX_VALUE;

    /** Registers a device; the order of registration must be the same for the same machine. */
    public int register(Target device) {
        targets.add(device);
        return targets.size() - 1;
    }

    /** The due tick of the earliest event, {@link Long#MAX_VALUE} without one. */
    public long nextDue() {
        return nextDue;
    }

    /** Schedules an event, replacing one with the same target and event number: a device has one timer a number. */
    public void schedule(int targetId, int eventId, long dueTick, long eventArgument) {
        cancel(targetId, eventId);
        if (size == due.length) {
            grow();
        }
        due[size] = dueTick;
        sequence[size] = nextSequence++;
        target[size] = targetId;
        event[size] = eventId;
        argument[size] = eventArgument;
        size++;
        nextDue = Math.min(nextDue, dueTick);
        listener.scheduled(dueTick);
    }

    public void listen(Listener newListener) {
        listener = newListener;
    }

    /** Removes the event if it is scheduled. */
    public void cancel(int targetId, int eventId) {
        for (int i = 0; i < size; i++) {
            if (target[i] == targetId && event[i] == eventId) {
                remove(i);
                return;
            }
        }
    }

    /** Runs, in order, all events due at or before {@code now}. Events may schedule further ones. */
    public void runDue(long now) {
        while (nextDue <= now) {
            int first = 0;
            for (int i = 1; i < size; i++) {
                if (due[i] < due[first] || (due[i] == due[first] && sequence[i] < sequence[first])) {
                    first = i;
                }
            }
            Target device = targets.get(target[first]);
            int eventId = event[first];
            long eventArgument = argument[first];
            long dueTick = due[first];
            remove(first);
            device.onEvent(eventId, eventArgument, dueTick);
        }
    }

    private void remove(int i) {
        size--;
        due[i] = due[size];
        sequence[i] = sequence[size];
        target[i] = target[size];
        event[i] = event[size];
        argument[i] = argument[size];
        nextDue = Long.MAX_VALUE;
        for (int k = 0; k < size; k++) {
            nextDue = Math.min(nextDue, due[k]);
        }
    }

    private void grow() {
        int length = due.length * 2;
        due = java.util.Arrays.copyOf(due, length);
        sequence = java.util.Arrays.copyOf(sequence, length);
        target = java.util.Arrays.copyOf(target, length);
        event = java.util.Arrays.copyOf(event, length);
        argument = java.util.Arrays.copyOf(argument, length);
    }

    @Override
    public void save(StateWriter out) {
        out.section("events").writeInt(size).writeLong(nextSequence);
        for (int i = 0; i < size; i++) {
            out.writeLong(due[i])
                    .writeLong(sequence[i])
                    .writeInt(target[i])
                    .writeInt(event[i])
                    .writeLong(argument[i]);
        }
    }

    @Override
    public void restore(StateReader in) {
        in.section("events");
        size = in.readCount();
        nextSequence = in.readLong();
        while (due.length < size) {
            grow();
        }
        nextDue = Long.MAX_VALUE;
        for (int i = 0; i < size; i++) {
            due[i] = in.readLong();
            sequence[i] = in.readLong();
            target[i] = in.readIndex(targets.size());
            event[i] = in.readInt();
            argument[i] = in.readLong();
            nextDue = Math.min(nextDue, due[i]);
        }
    }
}
