use crate::kernels::{Dispatch, Tensor};

/// Where the gradient of a loss's output goes.
#[derive(Clone, Copy, Debug)]
pub struct OutputGradient {
    /// In the layout of the output.
    pub tensor: Tensor,
    /// The state by whose [`LOSS_SCALE`](crate::kernels::batch::state::LOSS_SCALE) it is multiplied, if by any.
    pub scale: Option<Tensor>,
}

impl From<Tensor> for OutputGradient {
    fn from(tensor: Tensor) -> OutputGradient {
        OutputGradient {
            tensor,
            scale: None,
        }
    }
}

impl OutputGradient {
    /// Makes the kernel of a loss write it.
    pub(super) fn fuse(self, dispatch: &mut Dispatch) {
        let snippet = match self.scale {
            Some(state) => {
                dispatch.operands.push(("state", state));
                "loss/gradient_scaled"
            }
            None => "loss/gradient",
        };
        dispatch.slots.push(("gradient", snippet));
        dispatch.operands.push(("dlogits", self.tensor));
    }
}
