;; scenario S-PDPTR-edit: The same, and L1 has edited its table in memory
;; origin   patch 1/3 of 4 June 2026 (nVMX: unwind PDPTR load if processor triggers a nested VMFail) and the reply of 9 June
;; note     Reading memory again is worse than it looks: the registers were never loaded from the edited table.
;; include  pdptr
;; right    A
;; cell     bare                                    -> right
;; cell     tdp                                     -> right
;; cell     tdp vmfail.pdptr=memory                 -> right
;; cell     tdp vmfail.pdptr=none                   -> right
;; cell     shadow vmfail.pdptr=snapshot            -> right
;; cell     shadow vmfail.pdptr=memory              -> wrong C
;; cell     shadow vmfail.pdptr=none                -> wrong B
P1      equ PDC + 1
