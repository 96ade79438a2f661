package nestbox.vmx.check;

import static nestbox.vmx.vmcs.VmcsField.*;

import java.util.List;
import nestbox.vmx.capability.VmxFeature;

/** Cases of the checks on guest segment registers. */
final class SegmentCases {
    private SegmentCases() {}

    static void add(RowCase.Table t) {
        selectorsAndBases(t);
        virtual8086(t);
        types(t);
        privileges(t);
        for (Segment segment : Segment.CODE_AND_DATA) {
            t.from(Guests.PAE::state);
            shared(t, segment, true);
        }
        t.from(Guests.LONG::state);
        shared(t, Segment.TR, false);
        t.from(Guests.LONG, SegmentCases::ldt);
        shared(t, Segment.LDTR, false);
        system(t);
    }

    private static void ldt(TestState s) {
        s.set(GUEST_LDTR_SELECTOR, 0x28).set(GUEST_LDTR_AR_BYTES, 0x82).set(GUEST_LDTR_LIMIT, 0xff);
    }

    private static void selectorsAndBases(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row("guest.tr.ti", s -> s.or(GUEST_TR_SELECTOR, 4), s -> s.or(GUEST_TR_SELECTOR, 3))
                .row("guest.ss.rpl", s -> s.or(GUEST_CS_SELECTOR, 3), s -> s.set(GUEST_CS_SELECTOR, 0x2c));
        for (Segment segment : List.of(Segment.TR, Segment.FS, Segment.GS)) {
            canonical(t, segment);
        }
        t.from(Guests.LONG, SegmentCases::ldt)
                .row(
                        "guest.ldtr.ti",
                        s -> s.or(GUEST_LDTR_SELECTOR, 4),
                        s -> s.or(GUEST_LDTR_SELECTOR, 4).or(GUEST_LDTR_AR_BYTES, 0x1_0000));
        canonical(t, Segment.LDTR);
        t.from(Guests.LONG::state);
        for (Segment segment : List.of(Segment.CS, Segment.SS, Segment.DS, Segment.ES)) {
            t.row(segment.id("base.high"), s -> s.set(segment.base, 1L << 32), s -> s.set(segment.base, 0xffff_ffffL));
        }
    }

    private static void canonical(RowCase.Table t, Segment segment) {
        t.row(
                segment.id("base.canonical"),
                s -> s.set(segment.base, HostCases.NOT_CANONICAL),
                s -> s.set(segment.base, HostCases.CANONICAL));
    }

    private static void virtual8086(RowCase.Table t) {
        t.from(Guests.VIRTUAL_8086::state);
        for (Segment segment : Segment.CODE_AND_DATA) {
            t.row(
                            segment.id("v8086.base"),
                            s -> s.set(segment.base, 0x1_0000),
                            s -> s.set(segment.base, 0).set(segment.selector, 0))
                    .row(segment.id("v8086.limit"), s -> s.set(segment.limit, 0x1_ffff), s -> {})
                    .row(segment.id("v8086.rights"), s -> s.set(segment.rights, 0x40f3), s -> {});
        }
    }

    private static void types(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row("guest.cs.type", s -> s.set(GUEST_CS_AR_BYTES, 0xa09a), s -> s.set(GUEST_CS_AR_BYTES, 0xa09f))
                .row("guest.ss.type", s -> s.set(GUEST_SS_AR_BYTES, 0xc091), s -> s.set(GUEST_SS_AR_BYTES, 0xc097));
        for (Segment segment : Segment.DATA) {
            t.row(segment.id("accessed"), s -> s.set(segment.rights, 0xc092), s -> s.set(segment.rights, 0xc091))
                    .row(
                            segment.id("readable"),
                            s -> s.set(segment.rights, 0xc099),
                            s -> s.set(segment.rights, 0xc09b));
        }
    }

    private static void privileges(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row("guest.cs.dpl", s -> s.or(GUEST_CS_AR_BYTES, 0x20), s -> s.set(GUEST_CS_AR_BYTES, 0xa09d))
                // Without "unrestricted guest" the privilege of CS follows that of SS.
                .row(
                        "guest.ss.dpl.rpl",
                        s -> s.or(GUEST_SS_AR_BYTES, 0x60).or(GUEST_CS_AR_BYTES, 0x60),
                        s -> s.or(GUEST_SS_AR_BYTES, 0x60)
                                .or(GUEST_CS_AR_BYTES, 0x60)
                                .or(GUEST_SS_SELECTOR, 3)
                                .or(GUEST_CS_SELECTOR, 3));
        for (Segment segment : Segment.DATA) {
            t.row(
                    segment.id("dpl"),
                    s -> s.or(segment.selector, 2).or(segment.rights, 0x20),
                    s -> s.or(segment.selector, 2).or(segment.rights, 0x40));
        }
        t.from(
                        Guests.LONG,
                        s -> s.enable(VmxFeature.ENABLE_EPT, VmxFeature.UNRESTRICTED_GUEST)
                                .set(GUEST_CS_AR_BYTES, 0xc093))
                .row(
                        "guest.ss.dpl.zero",
                        s -> s.or(GUEST_SS_AR_BYTES, 0x60),
                        s -> s.or(GUEST_SS_AR_BYTES, 0x60).set(GUEST_CS_AR_BYTES, 0xc0fb));
    }

    private static void shared(RowCase.Table t, Segment segment, boolean s) {
        t.row(segment.id("s"), state -> flip(state, segment, 0x10), state -> {})
                .row(segment.id("p"), state -> flip(state, segment, 0x80), state -> {})
                .row(
                        segment.id("reserved-low"),
                        state -> state.or(segment.rights, 0x800),
                        state -> state.or(segment.rights, 0x1000))
                .row(
                        segment.id("reserved-high"),
                        state -> state.or(segment.rights, 1 << 31),
                        state -> state.or(segment.rights, 0x2000 * (s ? 0 : 1)))
                .row(
                        segment.id("g.low"),
                        state -> state.or(segment.rights, 0x8000).set(segment.limit, 0xffe),
                        state -> state.or(segment.rights, 0x8000).set(segment.limit, 0xfff))
                .row(
                        segment.id("g.high"),
                        state -> state.clear(segment.rights, 0x8000).set(segment.limit, 0x10_0fff),
                        state -> state.clear(segment.rights, 0x8000).set(segment.limit, 0xf_ffff));
    }

    private static void flip(TestState state, Segment segment, long bits) {
        state.set(segment.rights, state.peek(segment.rights) ^ bits);
    }

    private static void system(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row("guest.cs.d", s -> s.or(GUEST_CS_AR_BYTES, 0x4000), s -> s.set(GUEST_CS_AR_BYTES, 0xc09b))
                .row("guest.tr.type", s -> s.set(GUEST_TR_AR_BYTES, 0x83), s -> {})
                .row("guest.tr.usable", s -> s.or(GUEST_TR_AR_BYTES, 0x1_0000), s -> {})
                .from(Guests.PAE::state)
                .row("guest.tr.type", s -> s.set(GUEST_TR_AR_BYTES, 0x82), s -> s.set(GUEST_TR_AR_BYTES, 0x83))
                .from(Guests.LONG, SegmentCases::ldt)
                .row(
                        "guest.ldtr.type",
                        s -> s.set(GUEST_LDTR_AR_BYTES, 0x83),
                        s -> s.set(GUEST_LDTR_AR_BYTES, 0x1_0083));
    }
}
