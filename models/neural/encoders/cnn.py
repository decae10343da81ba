"""NextItNet: causal convolutions whose reach doubles from block to block (Yuan et al. 2019, figure 3b)."""

from torch import Tensor, nn
from torch.nn.functional import pad, relu
from typing_extensions import override

from models.neural.encoders.encoder import EncoderConfig, SequenceEncoder

KERNEL = 3


class NextItNet(SequenceEncoder):
    """Residual blocks of two dilated convolutions each, with reaches 1, 2; 4, 8; 16, 32; ..."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(_Block(config.width, 4**block) for block in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.top = (f"blocks.{config.blocks - 1}.convolutions.1.", f"blocks.{config.blocks - 1}.norms.1.", "norm.")

    @override
    def everywhere(self, inputs: Tensor, known: Tensor) -> Tensor:
        taken = known[:, :, None]  # (b, l, 1)
        x = self.dropout(inputs * inputs.shape[2] ** 0.5) * taken  # (b, l, d)
        for block in self.blocks:
            x = block(x, taken)  # (b, l, d)
        normed: Tensor = self.norm(x)  # (b, l, d)
        return normed


class _Block(nn.Module):
    """x + relu(norm(conv(relu(norm(conv(x)))))), the second of twice the reach."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.reaches = [dilation, 2 * dilation]
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, KERNEL, dilation=reach) for reach in self.reaches)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.convolutions)

    def forward(self, x: Tensor, taken: Tensor) -> Tensor:
        """(b, l, d), 0 where nothing is taken, as beyond the oldest place."""
        inner = x  # (b, l, d)
        for reach, convolution, norm in zip(self.reaches, self.convolutions, self.norms, strict=True):
            older = pad(inner.transpose(1, 2), (0, (KERNEL - 1) * reach))  # (b, d, l + 2 reach)
            inner = relu(norm(convolution(older).transpose(1, 2))) * taken  # (b, l, d)
        return x + inner  # (b, l, d)
