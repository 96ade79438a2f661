package nestbox.vmx.check;

import java.util.List;
import java.util.Locale;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** The four fields of a guest segment register, and what rows ask of them. */
enum Segment {
    ES(VmcsField.GUEST_ES_SELECTOR, VmcsField.GUEST_ES_BASE, VmcsField.GUEST_ES_LIMIT, VmcsField.GUEST_ES_AR_BYTES),
    CS(VmcsField.GUEST_CS_SELECTOR, VmcsField.GUEST_CS_BASE, VmcsField.GUEST_CS_LIMIT, VmcsField.GUEST_CS_AR_BYTES),
    SS(VmcsField.GUEST_SS_SELECTOR, VmcsField.GUEST_SS_BASE, VmcsField.GUEST_SS_LIMIT, VmcsField.GUEST_SS_AR_BYTES),
    DS(VmcsField.GUEST_DS_SELECTOR, VmcsField.GUEST_DS_BASE, VmcsField.GUEST_DS_LIMIT, VmcsField.GUEST_DS_AR_BYTES),
    FS(VmcsField.GUEST_FS_SELECTOR, VmcsField.GUEST_FS_BASE, VmcsField.GUEST_FS_LIMIT, VmcsField.GUEST_FS_AR_BYTES),
    GS(VmcsField.GUEST_GS_SELECTOR, VmcsField.GUEST_GS_BASE, VmcsField.GUEST_GS_LIMIT, VmcsField.GUEST_GS_AR_BYTES),
    LDTR(
            VmcsField.GUEST_LDTR_SELECTOR,
            VmcsField.GUEST_LDTR_BASE,
            VmcsField.GUEST_LDTR_LIMIT,
            VmcsField.GUEST_LDTR_AR_BYTES),
    TR(VmcsField.GUEST_TR_SELECTOR, VmcsField.GUEST_TR_BASE, VmcsField.GUEST_TR_LIMIT, VmcsField.GUEST_TR_AR_BYTES);

    /** CS, SS, DS, ES, FS, GS in the manual's order. */
    static final List<Segment> CODE_AND_DATA = List.of(CS, SS, DS, ES, FS, GS);

    /** The data segments other than the stack's. */
    static final List<Segment> DATA = List.of(DS, ES, FS, GS);

    final VmcsField selector;
    final VmcsField base;
    final VmcsField limit;
    final VmcsField rights;

    Segment(VmcsField selector, VmcsField base, VmcsField limit, VmcsField rights) {
        this.selector = selector;
        this.base = base;
        this.limit = limit;
        this.rights = rights;
    }

    /** Start of the row ids. */
    String id(String aspect) {
        return "guest." + name().toLowerCase(Locale.ROOT) + "." + aspect;
    }

    /** CS counts as usable whatever its unusable bit says, and so does TR. */
    boolean usable(CheckContext c) {
        return this == CS || this == TR || !c.any(rights, Cpu.RIGHTS_UNUSABLE);
    }

    int type(CheckContext c) {
        return (int) c.get(rights) & Cpu.RIGHTS_TYPE;
    }

    int dpl(CheckContext c) {
        return (int) c.get(rights) >>> 5 & 3;
    }

    int rpl(CheckContext c) {
        return (int) c.get(selector) & 3;
    }
}
