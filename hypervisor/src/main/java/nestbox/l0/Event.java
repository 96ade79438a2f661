package nestbox.l0;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.x86.system.EventInDelivery;

/** An event on its way into the guest, in terms that VMX's interruption information and SVM's EVENTINJ share. */
public final class Event {
    public boolean active;
    /** A type of {@link EventInDelivery}. */
    public int type;

    public int vector;
    public boolean hasErrorCode;
    public long errorCode;
    /** Of the instruction, for software interrupts and exceptions. */
    public int length;

    public void set(int newType, int newVector, boolean withErrorCode, long newErrorCode, int newLength) {
        active = true;
        type = newType;
        vector = newVector;
        hasErrorCode = withErrorCode;
        errorCode = withErrorCode ? newErrorCode : 0;
        length = newLength;
    }

    void save(StateWriter out) {
        out.writeBoolean(active).writeInt(type).writeInt(vector).writeBoolean(hasErrorCode);
        out.writeLong(errorCode).writeInt(length);
    }

    void restore(StateReader in) {
        active = in.readBoolean();
        type = in.readInt();
        vector = in.readInt();
        hasErrorCode = in.readBoolean();
        errorCode = in.readLong();
        length = in.readInt();
    }

    public void clear() {
        active = false;
    }

    public boolean isException() {
        return active && type >= EventInDelivery.EXCEPTION && type != EventInDelivery.SOFTWARE_INTERRUPT;
    }

    public boolean isSoft() {
        return active
                && (type == EventInDelivery.SOFTWARE_INTERRUPT
                        || type == EventInDelivery.SOFTWARE_EXCEPTION
                        || type == EventInDelivery.PRIVILEGED_EXCEPTION);
    }
}
