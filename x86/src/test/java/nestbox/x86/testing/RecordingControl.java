package nestbox.x86.testing;

import java.util.ArrayList;
import java.util.List;
import nestbox.x86.mem.TranslationControl;

/** A translation control that only notes what it was told, so that tests can ask which invalidation an instruction made. */
public final class RecordingControl implements TranslationControl {
    /** The calls in order, such as {@code invalidatePage(0x1000)}. */
    public final List<String> calls = new ArrayList<>();
    /** What {@link #loadPdptes} answers. */
    public boolean pdptesGood = true;

    private boolean a20 = true;

    @Override
    public void invalidatePage(long linear) {
        calls.add(String.format("invalidatePage(%#x)", linear));
    }

    @Override
    public void invalidatePcid(int type, int pcid, long linear) {
        calls.add(String.format("invalidatePcid(%d, %#x, %#x)", type, pcid, linear));
    }

    @Override
    public void cr0Written(long oldValue) {
        calls.add(String.format("cr0Written(%#x)", oldValue));
    }

    @Override
    public void cr3Written(long oldValue, boolean keep) {
        calls.add(String.format("cr3Written(%#x, %b)", oldValue, keep));
    }

    @Override
    public void cr4Written(long oldValue) {
        calls.add(String.format("cr4Written(%#x)", oldValue));
    }

    @Override
    public void eferWritten(long oldValue) {
        calls.add(String.format("eferWritten(%#x)", oldValue));
    }

    @Override
    public boolean loadPdptes(long cr3) {
        calls.add(String.format("loadPdptes(%#x)", cr3));
        return pdptesGood;
    }

    @Override
    public void invalidateAll() {
        calls.add("invalidateAll()");
    }

    @Override
    public void setA20(boolean open) {
        a20 = open;
    }

    @Override
    public boolean a20() {
        return a20;
    }
}
